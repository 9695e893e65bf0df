"""The evidence chain: what was chained checks, and any change of any byte does not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import chain

texts = st.dictionaries(st.text(max_size=8), st.text(max_size=20), min_size=1)
bodies = st.lists(st.tuples(st.binary(min_size=1, max_size=30), texts), min_size=1, max_size=6)


def build(parts) -> list[tuple[bytes, bytes]]:
    """Chain JSON bodies under their keys."""
    head, records = chain.FIRST, []
    for key, body in parts:
        value, head = chain.chained(head, key, json.dumps(body).encode())
        records.append((key, value))
    return records


@given(bodies)
def test_a_chain_checks_and_every_record_stays_json(parts):
    """Each record names its predecessor, ends with its hash, and still is the JSON it was."""
    head = chain.FIRST
    for (key, value), (_, body) in zip(build(parts), parts, strict=True):
        link = chain.link_of(value)
        assert link.previous == head
        head = chain.checked(head, key, value)
        decoded = json.loads(value)
        assert decoded.pop("hash") == head
        decoded.pop("previous_hash", None)
        kept = {name: text for name, text in body.items() if name not in ("hash", "previous_hash")}
        assert kept.items() <= decoded.items()


@given(bodies, st.data())
def test_a_changed_byte_breaks_the_chain(parts, data):
    """Flip one bit of one record's value or key: the check of that record fails."""
    records = build(parts)
    number = data.draw(st.integers(0, len(records) - 1))
    key, value = records[number]
    place = data.draw(st.integers(0, len(value) - 1))
    changed = value[:place] + bytes([value[place] ^ 1]) + value[place + 1 :]
    previous = chain.link_of(records[number - 1][1]).hash if number else chain.FIRST
    with pytest.raises(chain.ChainError):
        chain.checked(previous, key, changed)
    with pytest.raises(chain.ChainError):
        chain.checked(previous, key + b"x", value)


def test_a_record_left_out_or_moved_breaks_the_chain():
    """Three records: the third does not follow the first."""
    records = build([(b"a", {"n": "1"}), (b"b", {"n": "2"}), (b"c", {"n": "3"})])
    head = chain.checked(chain.FIRST, *records[0])
    with pytest.raises(chain.ChainError):
        chain.checked(head, *records[2])

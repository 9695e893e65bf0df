"""Three records by hand: what the chain of a partition writes, and which word each forgery breaks (architecture 4)."""

import pytest

from schemas.ids import sm3_hex
from streams import chain

KEY = b"account-1"


def test_a_record_names_the_hash_before_it_and_ends_with_its_own():
    """SM3 over previous hash, key and the record without its hash; the first record names none."""
    first, head = chain.chained(chain.FIRST, KEY, b'{"seq":1}')
    assert head == sm3_hex(b'account-1{"seq":1}')
    assert first == b'{"seq":1,"hash":"' + head.encode() + b'"}'
    second, next_head = chain.chained(head, KEY, b'{"seq":2}')
    linked = b'{"seq":2,"previous_hash":"' + head.encode() + b'"'
    assert next_head == sm3_hex(head.encode() + KEY + linked + b"}")
    assert second == linked + b',"hash":"' + next_head.encode() + b'"}'
    assert chain.link_of(second) == chain.Link(head, next_head)
    assert chain.checked(chain.checked(chain.FIRST, KEY, first), KEY, second) == next_head


def test_a_record_that_names_another_predecessor_is_refused_though_its_hash_is_over_the_true_one():
    """A forger who knows the chain writes a hash that fits; the name of the record before does not."""
    _, head = chain.chained(chain.FIRST, KEY, b'{"seq":1}')
    body = b'{"seq":2,"previous_hash":"' + b"0" * 64 + b'"'
    forged = body + b',"hash":"' + sm3_hex(head.encode() + KEY + body + b"}").encode() + b'"}'
    with pytest.raises(chain.ChainError, match="follows 0000"):
        chain.checked(head, KEY, forged)


@pytest.mark.parametrize("old", [b'"seq":1', b'"hash":"', b"account-1"])
def test_a_record_whose_content_key_or_hash_was_changed_is_refused(old):
    """One amount, one digit of the hash, or another account's key."""
    record, head = chain.chained(chain.FIRST, KEY, b'{"seq":1}')
    key = KEY.replace(old, b"account-2")
    changed = record.replace(b'"seq":1', b'"seq":9') if old == b'"seq":1' else record
    if old == b'"hash":"':
        digit = b"0" if head[0] != "0" else b"1"
        changed = record.replace(b'"hash":"' + head[:1].encode(), b'"hash":"' + digit)
    with pytest.raises(chain.ChainError, match="does not give its hash"):
        chain.checked(chain.FIRST, key, changed)


@pytest.mark.parametrize("value", [b"", b"{}", b'{"hash":"abc"}', b'{"seq":1,"hash":"' + b"A" * 64 + b'"}'])
def test_a_record_without_a_hash_at_its_end_is_none(value):
    """64 small hex digits, and nothing after them."""
    with pytest.raises(chain.ChainError, match="does not end with its hash"):
        chain.link_of(value)

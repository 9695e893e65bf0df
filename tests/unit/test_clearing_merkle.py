"""One root over a day: any record is proven by it, and nothing else is."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.clearing.merkle import Step, leaf_hash, proof_of, proves, root_of

contents = st.lists(st.binary(max_size=8), min_size=1, max_size=40)


def recursive_root(leaves: list[bytes]) -> bytes:
    """Return the tree head as RFC 6962 2.1 words it, with SM3."""
    if not leaves:
        return hashlib.new("sm3", b"").digest()
    if len(leaves) == 1:
        return hashlib.new("sm3", b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    halves = recursive_root(leaves[:split]) + recursive_root(leaves[split:])
    return hashlib.new("sm3", b"\x01" + halves).digest()


@given(contents)
def test_the_root_is_that_of_rfc_6962_with_sm3(leaves):
    """An independent recursion over the same leaves."""
    assert root_of([leaf_hash(each) for each in leaves]) == recursive_root(leaves).hex()


@given(contents, st.data())
def test_every_leaf_is_proven_and_no_other_content_is(leaves, data):
    """The proof of one place proves its own content only."""
    hashes = [leaf_hash(each) for each in leaves]
    place = data.draw(st.integers(0, len(leaves) - 1))
    steps, root = proof_of(hashes, place), root_of(hashes)
    assert proves(hashes[place], steps, root)
    assert not proves(leaf_hash(leaves[place] + b"!"), steps, root)
    if steps:
        turned = (Step("left" if steps[0].side == "right" else "right", steps[0].hash), *steps[1:])
        assert proves(hashes[place], turned, root) == (steps[0].hash == hashes[place])


def test_no_records_have_a_root_and_no_proofs():
    """A day on which nothing happened closes all the same."""
    assert root_of([]) == hashlib.new("sm3", b"").hexdigest()
    with pytest.raises(IndexError):
        proof_of([], 0)

"""Digests made from a copied start are those of the algorithm; ids carry the account they belong to."""

import hashlib
import hmac

from schemas.ids import account_id, account_of, make_id, sm3_hex


def test_sm3_of_many_texts_is_that_of_a_fresh_digest():
    """The copied start is never touched: order and length of what came before do not matter."""
    assert sm3_hex(b"abc") == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    for length in (0, 1, 63, 64, 65, 5000):
        assert sm3_hex(b"x" * length) == hashlib.new("sm3", b"x" * length).hexdigest()


def test_an_account_id_is_the_first_130_bits_of_the_keyed_hash_under_each_key():
    """Two keys in turn, one longer than a block: no key's state leaks into the other's ids."""
    for value in ("350203199001011234", "XMZSH|P1", ""):
        for key in (b"k" * 32, b"another key " * 9):
            digest = hmac.digest(key, f"person|{value}".encode(), "sm3")
            found = account_id(key, "person", value)
            digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
            assert sum(digits.index(sign) << 5 * place for place, sign in enumerate(reversed(found))) == (
                int.from_bytes(digest, "big") >> 126
            )


def test_an_id_begins_with_its_account():
    """Whoever holds the id knows where it belongs."""
    account = account_id(b"k" * 32, "number", "XMZSH|P1")
    assert account_of(make_id(account, "B", 7)) == account

"""Decoded states that a lane keeps between batches: only committed ones, bounded, never older than the bytes."""

from typing import ClassVar

import msgspec
import pytest
from domain_world import PERSON, START, XIAMEN, charge, line, score

from hub.domain.decision import Now
from schemas.commands import Body, Command
from schemas.ids import account_id, sm3_hex
from streams.lanes import accounts as kept
from streams.lanes.accounts import Accounts
from streams.lanes.batch import Batch
from streams.lanes.book import Book
from streams.lanes.domain_rules import DomainRules
from streams.lanes.watermark import KEY

NOW = Now(START, START)
OTHERS = [account_id(b"k" * 32, "person", str(number)) for number in range(5)]


class CountedRules(DomainRules):
    """The hub's rules; says how many cores were decoded."""

    decoded: ClassVar[list[bytes]] = []

    def decode_core(self, value):
        """Count and decode."""
        self.decoded.append(value)
        return super().decode_core(value)


@pytest.fixture
def rules() -> CountedRules:
    """Rules that have decoded nothing yet."""
    CountedRules.decoded = []
    return CountedRules(XIAMEN)


def decided(book: Book, rules: DomainRules, body: Body, name: str, account: str = PERSON) -> Batch:
    """Return a batch of one command, not committed."""
    batch = Batch(book, rules)
    batch.advance(NOW)
    content = sm3_hex(msgspec.json.encode(body))
    batch.decide(Command(name, account, *NOW, "HIS@XMZSH", "mllp", content, body), batch.next_offset)
    return batch


def committed(batch: Batch) -> dict[bytes, bytes | None]:
    """Commit a batch; return what it wrote to the compacted topic."""
    written = dict(batch.account_records())
    batch.adopt()
    return written


def test_an_account_in_use_is_not_decoded_again(rules):
    """Restored, then five commands in five transactions: its core is decoded once."""
    first = Book(0, Accounts(rules))
    written = committed(decided(first, rules, score(XIAMEN, 700, at=START), "s"))
    book = Book(0, Accounts(rules))
    for key, value in written.items():
        if key != KEY:
            book.accounts.load(key, value)
    for number in range(5):
        committed(decided(book, rules, charge(line(f"F{number}", 500)), f"m{number}"))
    assert len(rules.decoded) == 1


def test_what_an_aborted_transaction_decided_is_never_seen_again(rules):
    """All of a batch but its commit: the next batch starts from the committed state and writes the same bytes."""
    book = Book(0, Accounts(rules))
    committed(decided(book, rules, score(XIAMEN, 700, at=START), "s"))
    before = book.accounts.state(PERSON.encode())
    aborted = decided(book, rules, charge(line("F1", 500)), "m1")
    lost = aborted.account_records()
    assert book.accounts.state(PERSON.encode()) is before
    again = decided(book, rules, charge(line("F1", 500)), "m1")
    assert (again.account_records(), again.ledger) == (lost, aborted.ledger)


def test_states_beyond_the_bound_are_bytes_again_the_longest_unused_first(rules, monkeypatch):
    """Room for three of five accounts, the first used again in between: it stays, the second and third are decoded."""
    monkeypatch.setattr(kept, "DECODED_MAX", 3)
    book = Book(0, Accounts(rules))
    for account in (*OTHERS[:3], OTHERS[0], *OTHERS[3:4]):
        committed(decided(book, rules, score(XIAMEN, 700, at=START), "s", account))
    assert not rules.decoded
    states = {account: book.accounts.state(account.encode()) for account in OTHERS[:4]}
    assert rules.decoded == [book.accounts.core_bytes(OTHERS[1].encode())]
    assert all(state.core.account == account for account, state in states.items())


def test_a_state_given_back_by_the_bound_is_the_one_that_was_committed(rules, monkeypatch):
    """With room for one, two accounts take turns: each state equals that of a lane with room for all."""
    roomy, narrow = Book(0, Accounts(rules)), Book(0, Accounts(rules))
    bodies = [charge(line(f"F{number}", 500), visit=f"V{number % 2}") for number in range(6)]
    for book, room in ((roomy, 1000), (narrow, 1)):
        monkeypatch.setattr(kept, "DECODED_MAX", room)
        for number, body in enumerate(bodies):
            committed(decided(book, rules, body, f"m{number}", OTHERS[number % 2]))
    assert rules.decoded
    assert roomy.watermark == narrow.watermark
    for account in OTHERS[:2]:
        assert roomy.accounts.state(account.encode()) == narrow.accounts.state(account.encode())


def test_bytes_read_back_replace_a_decoded_state(rules):
    """A record of another writer, after the partition was away: what was decoded before it is forgotten."""
    mine, theirs = Book(0, Accounts(rules)), Book(0, Accounts(rules))
    for book in (mine, theirs):
        committed(decided(book, rules, score(XIAMEN, 700, at=START), "s"))
    for key, value in committed(decided(theirs, rules, charge(line("F1", 500)), "m1")).items():
        if key != KEY:
            mine.accounts.load(key, value)
    assert mine.accounts.state(PERSON.encode()) == theirs.accounts.state(PERSON.encode())


def test_a_timer_that_moved_is_put_back_without_decoding_its_account(rules):
    """The visit's end moved with a later charge; the entry of the first is looked at and decodes nothing."""
    first, later = Book(0, Accounts(rules)), Now(START + 60_000, START + 60_000)
    written = committed(decided(first, rules, charge(line("F1", 500)), "m1"))
    due = rules.due_from_bytes(written[PERSON.encode()])
    batch = Batch(first, rules)
    batch.advance(later)
    body = charge(line("F2", 500), at=later.city)
    batch.decide(Command("m2", PERSON, *later, "HIS@XMZSH", "mllp", sm3_hex(b"2"), body), 1)
    written.update(committed(batch))
    book = Book(0, Accounts(rules), watermark=first.watermark)
    for key, value in written.items():
        if key != KEY:
            book.accounts.load(key, value)
    book.due.load(PERSON.encode(), due)  # as armed by the first charge
    book.due.order()
    batch = Batch(book, rules)
    batch.advance(Now(due[0], due[0]))
    assert not batch.fire_next()
    assert not rules.decoded
    assert book.due.earliest() == rules.due_from_bytes(written[PERSON.encode()]) > due

"""A lane's batch without a broker: what one transaction is made of, decided by the hub's own rules."""

import tracemalloc
from base64 import b64decode
from collections import Counter
from itertools import count

import msgspec
import pytest
from domain_world import DAY, HOUR, PERSON, PLATFORM, START, XIAMEN, A, charge, line, score, signing

from hub.domain.decision import Now
from hub.domain.digests import content_digest, id_digest
from hub.domain.state import Seen, encode_core, new_state
from hub.runtime.record_partition import partition_of
from schemas.commands import Body, Command, RecordVisit, ReplyTo
from schemas.dead_letters import DeadLetter
from schemas.facts import Facts
from schemas.ids import account_id, sm3_hex
from schemas.ledger import LedgerRecord
from schemas.topics import BATCH_BYTES
from streams import chain
from streams.lanes import book as books
from streams.lanes.accounts import Accounts
from streams.lanes.batch import RECORD_BYTES_MAX, Batch
from streams.lanes.book import Book
from streams.lanes.domain_rules import DomainRules
from streams.lanes.faults import UndecidableError
from streams.lanes.watermark import KEY, decode

RULES = DomainRules(XIAMEN)


class Partition:
    """A book and its commands in order."""

    def __init__(self, rules: DomainRules = RULES) -> None:
        self.rules = rules
        self.book = Book(0, Accounts(rules))
        self.offset = 0
        self.now = Now(START, START)

    def batch(self) -> Batch:
        """A new batch at the present instant."""
        batch = Batch(self.book, self.rules)
        batch.advance(self.now)
        return batch

    def give(self, batch: Batch, body: Body, interface: str = "mllp") -> None:
        """Decide one command."""
        content = sm3_hex(msgspec.json.encode(body))
        command = Command(f"m{self.offset}", PERSON, *self.now, "HIS@XMZSH", interface, content, body)
        assert batch.read(PERSON.encode(), msgspec.json.encode(command)) == command
        batch.decide(command, self.offset)
        self.offset += 1

    def commit(self, batch: Batch) -> dict[bytes, bytes | None]:
        """Adopt the batch; return what it would write to the compacted topic."""
        records = dict(batch.account_records())
        batch.adopt()
        return records

    def enrolled(self) -> "Partition":
        """With an agreement that debits at +72 h."""
        batch = self.batch()
        self.give(batch, score(XIAMEN, 700, at=START), "score")
        self.give(batch, signing(PLATFORM, "alipay", "ICBC", at=START), "api")
        self.commit(batch)
        return self


def test_only_keys_that_changed_are_written():
    """A charge writes core and its visit, not the other visit; the watermark is always there."""
    lane = Partition().enrolled()
    batch = lane.batch()
    lane.give(batch, charge(line("F1", 500), visit="V1"))
    lane.give(batch, charge(line("F2", 500), visit="V2"))
    lane.commit(batch)
    batch = lane.batch()
    lane.give(batch, charge(line("F3", 500), visit="V2"))
    written = lane.commit(batch)
    assert set(written) == {PERSON.encode(), f"{PERSON}/{A}|V2".encode(), KEY}
    assert decode(written[KEY]).next_offset == lane.offset


def test_restoring_what_was_written_gives_the_same_states_and_due_times():
    """The compacted topic's records, loaded by another lane: equal states, equal first due time."""
    lane, written = Partition().enrolled(), {}
    for number in range(3):
        batch = lane.batch()
        lane.give(batch, charge(line(f"F{number}", 500), visit=f"V{number}"))
        lane.give(batch, RecordVisit(A, f"V{number}", "discharged", START))
        written.update(lane.commit(batch))
    again = Accounts(RULES)
    for key, value in written.items():
        if key != KEY:
            again.load(key, value)
    state = again.state(PERSON.encode())
    assert state == lane.book.accounts.state(PERSON.encode())
    core = again.core_bytes(PERSON.encode())
    assert RULES.due_from_bytes(core) == RULES.next_due(state)
    assert RULES.next_due(state)[0] == START + 72 * HOUR


def test_nothing_is_visible_before_the_batch_is_adopted():
    """The book keeps state, watermark and head of the last commit while a batch decides."""
    lane = Partition().enrolled()
    mark, state = lane.book.watermark, lane.book.accounts.state(PERSON.encode())
    batch = lane.batch()
    lane.give(batch, charge(line("F1", 500)))
    assert lane.book.watermark == mark
    assert lane.book.accounts.state(PERSON.encode()) is state
    lane.commit(batch)
    assert lane.book.watermark.head == batch.head != mark.head


def test_the_records_of_a_batch_are_a_chain_from_the_books_head():
    """Each value is valid JSON of the record and names the hash before it."""
    lane = Partition().enrolled()
    head, batch = lane.book.watermark.head, lane.batch()
    for number in range(5):
        lane.give(batch, charge(line(f"F{number}", 500)))
    for key, value in batch.ledger:
        head = chain.checked(head, key, value)
        assert msgspec.json.decode(value, type=LedgerRecord).hash == head
    assert batch.head == head


def test_facts_of_one_transaction_are_summed_by_their_dimensions():
    """Three charges of one department and hour are one fact that counts three."""
    lane = Partition().enrolled()
    batch = lane.batch()
    for number in range(3):
        lane.give(batch, charge(line(f"F{number}", 700)))
    [value] = batch.facts()
    facts = msgspec.json.decode(value, type=Facts).facts
    charged = [fact for fact in facts if fact.charged_fen]
    assert sum(fact.charged_fen for fact in charged) == 2100
    assert len({msgspec.structs.astuple(fact)[:8] for fact in facts}) == len(facts)


def test_a_transaction_with_endless_departments_is_written_and_loses_no_line():
    """Every line of its own long department: the sums are several records, each as large as a batch takes at most."""
    lane = Partition().enrolled()
    batch = lane.batch()
    for message in range(8):
        lines = [line(f"F{message}-{n}", 100, department=f"{message}-{n}".ljust(1000, "x")) for n in range(400)]
        lane.give(batch, charge(*lines))
    records = batch.facts()
    assert sum(map(len, records)) > BATCH_BYTES
    assert max(map(len, records)) <= RECORD_BYTES_MAX
    facts = [fact for value in records for fact in msgspec.json.decode(value, type=Facts).facts]
    assert sum(fact.lines for fact in facts) == 3_200
    assert sum(fact.charged_fen for fact in facts) == 320_000


def test_a_debit_waits_until_the_log_of_its_due_instant_is_consumed():
    """Due, but the log is not known to be consumed: nothing fires; when it is, the debit leaves."""
    lane = Partition().enrolled()
    batch = lane.batch()
    lane.give(batch, charge(line("F1", 5_000)))
    lane.give(batch, RecordVisit(A, "V1", "discharged", START))
    lane.commit(batch)
    lane.now = Now(START + 72 * HOUR, START + 72 * HOUR)
    batch = lane.batch()
    assert not batch.fire_next()
    assert lane.book.due.waiting
    lane.book.consumed_until(Now(lane.now.city - 1, lane.now.wall))
    assert not batch.fire_next()
    lane.book.consumed_until(lane.now)
    assert batch.fire_next()
    assert len(batch.errands) == 1
    assert not batch.fire_next()


def test_parking_a_timer_disarms_it_by_its_ledger_record_alone():
    """The PARKED record, folded, leaves no due timer: the debit never leaves, the state says so after a restore."""
    lane = Partition().enrolled()
    batch = lane.batch()
    lane.give(batch, charge(line("F1", 5_000)))
    lane.give(batch, RecordVisit(A, "V1", "discharged", START))
    lane.commit(batch)
    lane.now = Now(START + 72 * HOUR, START + 72 * HOUR)
    batch = lane.batch()
    timer = RULES.next_timer(batch.state(PERSON.encode()), lane.now)
    assert timer is not None
    batch.park_timer(PERSON.encode(), timer)
    [record] = [msgspec.json.decode(value, type=LedgerRecord) for _, value in batch.ledger]
    assert record.outcome == "PARKED"
    before = lane.book.accounts.state(PERSON.encode())
    lane.commit(batch)
    assert RULES.evolve(before, record) == lane.book.accounts.state(PERSON.encode())
    lane.book.consumed_until(lane.now)
    assert not lane.batch().fire_next()


def test_an_answer_that_raises_leaves_the_batch_with_what_came_before():
    """Not only deciding: whatever is made of a decision fails before the batch has entered any of it."""

    class Speechless(DomainRules):
        def reply_for(self, *_arguments):
            raise ZeroDivisionError

    lane = Partition(Speechless(XIAMEN)).enrolled()
    batch = lane.batch()
    lane.give(batch, charge(line("F1", 500)))
    body = charge(line("F2", 500))
    content = sm3_hex(msgspec.json.encode(body))
    asked = Command("m3", PERSON, *lane.now, "HIS@XMZSH", "api", content, body, reply=ReplyTo(0, "t"))
    with pytest.raises(UndecidableError, match="at offset 3"):
        batch.decide(asked, 3)
    assert (len(batch.ledger), batch.count, batch.next_offset) == (1, 1, 3)


def test_a_record_that_cannot_be_sealed_leaves_the_batch_with_what_came_before():
    """The lane stands in front of the unreadable record, and says at which offset."""

    def broken(_interface, _place, _raw):
        raise ZeroDivisionError

    lane = Partition().enrolled()
    batch = Batch(lane.book, lane.rules, broken)
    with pytest.raises(UndecidableError, match="the record at offset 2 cannot be sealed"):
        batch.bury(None, b"?", 2)
    assert (batch.count, batch.next_offset, batch.dead_letters) == (0, 2, [])


def at_home_in(partition: int) -> str:
    """An account that lives in this partition of four."""
    accounts = (account_id(b"k" * 32, "person", str(number)) for number in count())
    return next(each for each in accounts if partition_of(each.encode(), 4) == partition)


def visiting(account: str) -> Command:
    """A command that any account accepts."""
    body = RecordVisit(A, "V1", "updated", START)
    return Command("m1", account, START, START, "HIS@XMZSH", "mllp", sm3_hex(msgspec.json.encode(body)), body)


def test_an_account_of_another_partition_is_set_aside_with_its_bytes():
    """A foreign partitioner's record would give one person two credit lines: no outcome, no state, all bytes kept."""
    home, away = at_home_in(1), at_home_in(2)
    batch = Batch(Book(1, Accounts(RULES), partitions=4), RULES)
    key, value = away.encode(), msgspec.json.encode(visiting(away))
    assert batch.read(key, value) is None
    batch.bury(key, value, 0)
    assert batch.read(home.encode(), msgspec.json.encode(visiting(home))) == visiting(home)
    [letter] = [msgspec.json.decode(sent, type=DeadLetter) for _, sent in batch.dead_letters]
    assert (letter.interface, letter.reason, letter.receipt_key) == ("commands", "UNDECODABLE", "1@0")
    assert "another partition" in letter.detail
    assert b64decode(letter.raw_sealed) == value
    assert (batch.next_offset, batch.ledger) == (1, [])
    assert [key for key, _ in batch.account_records()] == [KEY]


def test_an_account_that_a_lane_knows_is_served_wherever_it_lives(monkeypatch: pytest.MonkeyPatch):
    """In the book or in the batch: the rule of the partitions is not asked, so it costs a known account nothing."""
    home = at_home_in(1)
    key, value = home.encode(), msgspec.json.encode(visiting(home))
    book = Book(1, Accounts(RULES), partitions=4)
    batch = Batch(book, RULES)
    assert batch.read(key, value) is not None
    batch.decide(visiting(home), 0)
    monkeypatch.setattr(books, "partition_of", lambda *_: pytest.fail("asked"))
    assert batch.read(key, value) is not None
    batch.account_records()
    batch.adopt()
    assert Batch(book, RULES).read(key, value) is not None


def test_a_rule_that_raises_leaves_the_batch_with_what_came_before():
    """The second command cannot be decided: the batch holds the first alone, ready to be committed."""

    class Broken(DomainRules):
        def decide(self, state, command, offset, now):
            if offset == 3:
                raise ZeroDivisionError
            return super().decide(state, command, offset, now)

    lane = Partition(Broken(XIAMEN)).enrolled()
    batch = lane.batch()
    lane.give(batch, charge(line("F1", 500)))
    with pytest.raises(UndecidableError, match="at offset 3"):
        lane.give(batch, charge(line("F2", 500)))
    assert (batch.count, batch.next_offset, len(batch.ledger)) == (1, 3, 1)


def test_an_outcome_larger_than_a_record_is_refused_not_raised():
    """An outcome over 1.5 MB becomes OUTCOME_TOO_LARGE in the same place of the chain."""
    lane = Partition().enrolled()
    batch = lane.batch()
    huge = charge(*(line(f"F{n}", 100, order_no="x" * 400) for n in range(5000)))
    lane.give(batch, huge)
    record = msgspec.json.decode(batch.ledger[-1][1], type=LedgerRecord)
    assert (record.outcome, record.reason) == ("REFUSED", "OUTCOME_TOO_LARGE")


def grown(lane: Partition, **changed: object) -> None:
    """Let the account's committed core be another one, as a restore would."""
    key = PERSON.encode()
    core = msgspec.structs.replace(lane.book.accounts.state(key).core, **changed)
    lane.book.accounts.load(key, encode_core(core))


def test_an_account_that_is_written_to_all_day_stays_small_and_is_served():
    """Twelve thousand ids and 2,500 messages more: none is refused, and the core stays a third of a record."""
    lane = Partition().enrolled()
    seen = {id_digest(f"x{n}"): Seen(content_digest(f"c{n}"), n, START, n, "RECORDED") for n in range(12_000)}
    grown(lane, seen=seen)
    outcomes: Counter[str] = Counter()
    for _ in range(10):
        batch = lane.batch()
        for _ in range(250):
            lane.give(batch, RecordVisit(A, "V1", "updated", START))
        written = lane.commit(batch)
        outcomes += batch.outcomes
    assert outcomes == {"RECORDED": 2_500}
    assert len(written[PERSON.encode()]) < 600_000 < RECORD_BYTES_MAX < BATCH_BYTES


def test_a_full_account_refuses_without_growing_and_its_timers_still_fire():
    """Above 1.5 MB every message is OUTCOME_TOO_LARGE and adds nothing; the close of its visit still makes the bill."""
    lane = Partition().enrolled()
    batch = lane.batch()
    lane.give(batch, charge(line("F1", 5_000)))
    lane.commit(batch)
    size = len(lane.book.accounts.core_bytes(PERSON.encode()))
    grown(lane, archived=("x" * (RECORD_BYTES_MAX - size - 50),))
    sizes = []
    for _ in range(2):
        batch = lane.batch()
        for number in range(100):
            lane.give(batch, charge(line(f"G{number}", 100)))
        sizes.append(len(lane.commit(batch)[PERSON.encode()]))
        assert batch.outcomes == {"OUTCOME_TOO_LARGE": 100}
    assert sizes[1] - sizes[0] <= 1  # the number of its records may take a byte more
    lane.now = Now(START + 40 * DAY, START + 40 * DAY)
    batch = lane.batch()
    assert batch.fire_next()
    written = lane.commit(batch)
    assert RECORD_BYTES_MAX < len(written[PERSON.encode()]) < BATCH_BYTES
    assert [bill.amount_fen for bill in lane.book.accounts.state(PERSON.encode()).core.bills.values()] == [5_000]


def test_an_idle_account_of_one_kilobyte_costs_at_most_one_and_a_half():
    """Ten thousand restored states, each with a timer: memory for each at most 1.5 kB (architecture 10)."""
    book = Book(0, Accounts(RULES))
    records = []
    for number in range(10_000):
        account = account_id(b"k" * 32, "person", str(number))
        core = msgspec.structs.replace(new_state(account).core, name_masked="x" * 850)
        value = bytearray(encode_core(core))
        value[1:9] = (START + DAY + number).to_bytes(8, "big")
        records.append((account.encode(), bytes(value)))
    size = len(records[0][1])
    tracemalloc.start()
    for key, value in records:
        book.accounts.load(bytes(bytearray(key)), bytes(bytearray(value)))
    for account in book.accounts:
        book.due.load(account, RULES.due_from_bytes(book.accounts.core_bytes(account)))
    book.due.order()
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(book.due) == 10_000
    assert used / 10_000 < size + 400 < 1_500, f"{used / 10_000:.0f} bytes for a state of {size}"

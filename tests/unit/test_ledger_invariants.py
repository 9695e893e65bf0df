"""The invariants `verify` checks: silent on what the domain decides, and loud on each doctored record."""

import msgspec
import pytest
from domain_world import CITY, DAY, HOUR, PLATFORM, XIAMEN, A, World, charge, line, score, signing
from family_world import Town
from test_domain_family_links import CHILD, linked
from test_domain_merging import NEW, OLD, merge

from schemas import events
from schemas.commands import DepositPrepayment, RecordRepayment, RecordVisit, RefundBalance, Subject
from schemas.ledger import LedgerRecord, PersonView
from streams.funding_invariants import check_advances
from streams.invariants import NAMES, Invariants


def a_life() -> list[LedgerRecord]:
    """A person's records: prepayment, charge on credit, repayment of a part, debit, reversal, refund."""
    world = World(XIAMEN)
    world.enrol(700, pack=PLATFORM)
    world.send(DepositPrepayment(A, world.city, 3_000), interface="api")
    world.send(charge(line("F1", 10_000), line("F2", 2_000)))
    world.close()
    world.send(RecordRepayment(world.city, 1_500), interface="api")
    world.move(city=73 * HOUR, wall=73 * HOUR)
    world.answer()
    world.send(charge(line("R1", 2_000, "credit", reverses="F2")))
    return world.ledger


def broken(records: list[LedgerRecord]) -> set[int]:
    """Numbers of the invariants that do not hold."""
    invariants = Invariants()
    for record in records:
        invariants.add(record)
    return {number for number, finding in invariants.findings.items() if finding.faulty}


def with_event(records: list[LedgerRecord], kind: type, **changes: object) -> list[LedgerRecord]:
    """The records with the first event of a kind changed."""
    changed = list(records)
    for number, record in enumerate(records):
        for place, event in enumerate(record.events):
            if isinstance(event, kind):
                doctored = msgspec.structs.replace(event, **changes)
                found = (*record.events[:place], doctored, *record.events[place + 1 :])
                changed[number] = msgspec.structs.replace(record, events=found)
                return changed
    pytest.fail(f"no {kind.__name__} in these records")


def with_person(records: list[LedgerRecord], kind: type, **changes: object) -> list[LedgerRecord]:
    """The records with the person's view changed where an event of a kind happened."""
    changed = list(records)
    for number, record in enumerate(records):
        if any(isinstance(event, kind) for event in record.events):
            views = tuple(
                msgspec.structs.replace(v, **changes) if isinstance(v, PersonView) else v for v in record.after
            )
            changed[number] = msgspec.structs.replace(record, after=views)
            return changed
    pytest.fail(f"no {kind.__name__} in these records")


def test_what_the_domain_decides_breaks_nothing_and_everything_was_looked_at():
    """A life with every kind of money in it: no fault, and each invariant checked something."""
    invariants = Invariants()
    for record in a_life():
        invariants.add(record)
    assert not [finding for finding in invariants.findings.values() if finding.faulty]
    looked = {number for number, finding in invariants.findings.items() if finding.checked}
    assert looked == set(NAMES) - {7, 8, 9}  # fees and batches have lives of their own below


def test_a_merged_persons_records_stand_for_themselves_in_their_own_partition():
    """What moved is known where it moved to: line, consent, payments, fees, held lines and the bank's advances."""
    town = Town(XIAMEN)
    old, new = town.world(OLD), town.world(NEW)
    town.send(OLD, score(XIAMEN, 700, at=town.city), interface="score")
    town.send(OLD, signing(CITY, "bank", at=town.city, subject=Subject(person=OLD)), interface="api")
    for visit in ("V1", "V2"):
        town.send(OLD, charge(line(f"{visit}-1", 90_000), visit=visit, at=town.city))
        town.send(OLD, RecordVisit(A, visit, "discharged", town.city))
    town.send(OLD, charge(line("H1", 5_000), visit="V3", scene="inpatient", at=town.city, settlement_mode="after"))
    paid, late = old.state.core.bills
    town.send(OLD, RecordRepayment(town.city, 90_000, paid), interface="api")
    town.move(city=50 * DAY)
    merge(town, Subject(person=OLD), Subject(person=NEW))
    town.settle()
    new.move(city=5 * DAY)
    new.send(charge(line("R1", 1_000, "credit", reverses="V1-1"), visit="V1", at=new.city))
    new.send(RefundBalance(new.city, 1_000), interface="api")
    new.send(charge(line("R2", 1_000, "credit", reverses="H1"), visit="V3", at=new.city))
    new.send(RecordRepayment(new.city, 90_000, late), interface="api")
    new.move(city=2 * DAY)
    new.send(charge(line("F9", 7_000), visit="V9", at=new.city))
    assert new.ledger[-1].events[-1].allocation.credit_fen == 7_000
    invariants = Invariants()
    for record in new.ledger:
        invariants.add(record)
    assert [fault for finding in invariants.findings.values() for fault in finding.faults] == []
    assert all(invariants.findings[number].checked for number in (3, 6, 7, 11))
    assert sorted(invariants.advances.credit.values()) == [7_000]
    assert not broken(old.ledger)


def test_a_posting_left_out_of_the_journal_is_noticed():
    """The charge's journal lacks its first posting: events and journal differ."""
    records = a_life()
    number = next(n for n, r in enumerate(records) if any(isinstance(e, events.ChargePosted) for e in r.events))
    records[number] = msgspec.structs.replace(records[number], journal=records[number].journal[1:])
    assert 1 in broken(records)


def test_a_posting_of_nothing_is_noticed():
    """An amount of 0 moves no money and has no place in a journal."""
    records = a_life()
    number = next(n for n, r in enumerate(records) if r.journal)
    empty = msgspec.structs.replace(records[number].journal[0], amount_fen=0)
    records[number] = msgspec.structs.replace(records[number], journal=(*records[number].journal, empty))
    assert broken(records) == {1}


def test_a_split_that_does_not_sum_to_its_charge_is_noticed():
    """One fen more in the total than in the parts."""
    assert 2 in broken(with_event(a_life(), events.ChargePosted, total_fen=12_001))


def test_a_line_used_beyond_its_limit_is_noticed():
    """The charge that used credit left more used than the limit."""
    assert broken(with_event(a_life(), events.AgreementSigned, limit_fen=1)) == {3}


def test_a_balance_the_journal_does_not_give_is_noticed():
    """One fen more of prepayment in the account than was posted, and one below zero."""
    assert broken(with_person(a_life(), events.PrepaymentDeposited, prepayments={A: 3_001})) == {4}
    assert broken(with_person(a_life(), events.PrepaymentDeposited, prepayments={A: -1})) == {4}


def test_a_second_live_debit_of_a_bill_is_noticed():
    """A new order number leaves while the old one has no final word."""
    records = a_life()
    number = next(n for n, r in enumerate(records) if any(isinstance(e, events.DebitStarted) for e in r.events))
    started = next(e for e in records[number].events if isinstance(e, events.DebitStarted))
    second = msgspec.structs.replace(started, order_no=started.order_no[:-1] + "9")
    records[number] = msgspec.structs.replace(records[number], events=(*records[number].events, second))
    assert 5 in broken(records)


def test_a_payment_booked_twice_is_noticed():
    """The same order number is paid again."""
    records = a_life()
    number = next(n for n, r in enumerate(records) if any(isinstance(e, events.DebitPaid) for e in r.events))
    paid = next(e for e in records[number].events if isinstance(e, events.DebitPaid))
    records[number] = msgspec.structs.replace(records[number], events=(*records[number].events, paid))
    assert 5 in broken(records)


def test_a_refund_larger_than_what_was_paid_is_noticed():
    """More goes back to a source than came from it."""
    assert broken(with_event(a_life(), events.RefundStarted, amount_fen=99_999)) == {6}


@pytest.mark.parametrize("change", [{"status": "suspended"}, {"status": "barred"}, {"agreement": ""}])
def test_credit_for_somebody_suspended_barred_or_without_an_agreement_is_noticed(change):
    """Invariant 11: how the account stood before the charge is what counts."""
    assert 11 in broken(with_person(a_life(), events.PrepaymentDeposited, **change))


def test_credit_after_the_consent_ended_is_noticed():
    """Invariant 11: the agreement's consent covers the time of the charge."""
    assert broken(with_event(a_life(), events.AgreementSigned, consent_until=1)) == {11}


def test_a_record_left_out_or_repeated_is_noticed():
    """An account's numbers have no hole and no repeat."""
    records = a_life()
    assert 10 in broken(records[:3] + records[4:])
    assert 10 in broken([*records, records[-1]])


def advances(records: list[LedgerRecord], until: int = 10**6) -> list[str]:
    """What is wrong with the batches of one partition's records."""
    invariants = Invariants()
    for record in records:
        invariants.add(record)
    finding = invariants.findings[8]
    check_advances([invariants.advances], until, finding.expect)
    return finding.faults


def owing_for_months() -> list[LedgerRecord]:
    """A person whose bill accrues fees."""
    world = World(XIAMEN)
    world.enrol(700, pack=CITY, channel="bank")
    world.send(charge(line("F1", 300_000)))
    world.close()
    world.move(city=60 * 24 * HOUR)
    return world.ledger


def test_a_fee_in_the_free_days_or_above_the_cap_is_found():
    """Invariant 7, by an arithmetic of its own."""
    records = owing_for_months()
    assert not broken(records)
    assert broken(with_event(records, events.FeeAccrued, fee_fen=38)) == {7}
    assert broken(with_event(records, events.BillIssued, closed_at=records[0].now + 5 * 24 * HOUR)) == {7}


def with_batch(records: list[LedgerRecord], **changes: object) -> list[LedgerRecord]:
    """The records, then one that opens the batch of the first day."""
    about = {"credit_fen": 300_000, "returned_fen": 0, "carried_fen": 0, "amount_fen": 300_000, "carry_fen": 0}
    opened = events.AdvanceOpened("b", "2026-07-01", A, "ICBC", 1, items_sm3="", **{**about, **changes})
    return [
        *records,
        msgspec.structs.replace(records[0], account="pair", seq=1, events=(opened,), journal=(), after=()),
    ]


def test_a_batch_that_is_not_the_days_credit_is_found_once_its_day_is_whole():
    """Invariant 8: credit, returns and what is carried; a day that is still open is not judged."""
    records = owing_for_months()
    assert advances(with_batch(records)) == []
    assert advances(with_batch(records, credit_fen=299_999, amount_fen=299_999))
    assert advances(with_batch(records, amount_fen=300_001))
    assert advances(with_batch(records, credit_fen=299_999), until=0) == []


def test_a_credit_that_waited_for_a_held_charge_moves_nothing():
    """It is taken back in the record that holds the charge for a payer's answer: nothing was split (invariant 1)."""
    town = linked()
    town.send(CHILD, charge(line("K1", 20_000, kind="credit", reverses="F1")))
    town.send(CHILD, charge(line("F1", 20_000)))
    town.settle()
    invariants = Invariants()
    for record in town.world(CHILD).ledger:
        invariants.add(record)
    assert {type(event) for event in town.world(CHILD).ledger[-1].events} >= {events.FamilyHoldDecided}
    assert [finding.faults for finding in invariants.findings.values() if finding.faulty] == []

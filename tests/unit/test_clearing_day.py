"""One day added up: the credit ledger, the advances, the root; and the files that banks get and send."""

from datetime import date

import pytest
from domain_world import CITY, DAY, HOUR, PLATFORM, START, XIAMEN, A, B, World, charge, line
from msgspec.structs import replace
from test_domain_family_links import CHILD, PARENT, linked

from hub.clearing.batches import Item, by_pair, opened
from hub.clearing.day_books import Agreement, DayBooks, close_text, proof_holds
from hub.clearing.settlement_file import (
    BatchTotals,
    BatchWord,
    Collection,
    Confirmation,
    LayoutError,
    confirmation_file,
    detail_lines,
    read_confirmation,
    settlement_file,
)
from schemas.city_time import day_start
from schemas.commands import RecordBankCollection, RecordRepayment, WriteOffBill
from schemas.ids import sm3_hex

DAY_ONE = "2026-07-01"


def booked(world: World, heads: dict[int, str] | None = None) -> DayBooks:
    """Return the day books of everything a world has in its ledger, under invented hashes."""
    books = DayBooks(heads or {0: "", 1: ""})
    for number, record in enumerate(world.ledger):
        books.add(0, replace(record, hash=sm3_hex(str(number).encode())))
    return books


def patient() -> World:
    """Return a person of the bank's city with two charges, one reversed in part, at two institutions."""
    world = World(XIAMEN)
    world.enrol(700, channel="bank", pack=CITY)
    world.send(charge(line("L1", 40_000)))
    world.send(charge(line("L2", 10_000), visit="V2", institution=B))
    world.send(charge(line("L3", 5_000, "credit", reverses="L1")))
    world.close()
    return world


def test_the_daily_credit_ledger_has_one_total_for_persons_institutions_and_banks():
    """Credit, returns and repayments stand by person, by institution and by bank, and sum to the same."""
    world = patient()
    world.send(RecordRepayment(world.city, 12_000))
    rows = booked(world).rows({})
    account = world.state.core.account
    assert rows["person", account]["credit_fen"] == 50_000
    assert rows["institution", A]["credit_fen"] == 40_000
    assert rows["institution", A]["returned_fen"] == 5_000
    assert rows["institution", A]["repaid_fen"] == 12_000
    assert rows["institution", B]["credit_fen"] == 10_000
    for measure in ("credit_fen", "returned_fen", "repaid_fen", "paid_back_fen", "given_up_fen", "fee_fen"):
        totals = dict.fromkeys(("person", "institution", "bank"), 0)
        for (scope, _), sums in rows.items():
            totals[scope] += sums[measure]
        assert len(set(totals.values())) == 1


def test_collections_write_offs_and_fees_stand_in_the_ledger_of_their_day():
    """Each measure by what moved on the receivable, whatever the event was called."""
    world = patient()
    world.move(city=200 * DAY)
    world.send(RecordBankCollection(world.city, world.bill.id, 1_000, 0, "S1"))
    owed = world.bill.owed_fen
    fee = world.state.core.clearing.fees[world.bill.id].accrued_fen
    assert fee > 0
    world.send(WriteOffBill(world.city, world.bill.id, "ICBC", "gone"))
    sums = booked(world).rows({})["bank", "ICBC"]
    assert (sums["repaid_fen"], sums["given_up_fen"]) == (1_000, owed)
    left = sum(book.owed_fen for book in world.state.core.clearing.fees.values())
    assert sums["fee_fen"] == left  # that of the bill written off was waived with it


def test_advances_are_the_posted_credit_net_of_refunds_for_each_institution_and_bank():
    """Invariant 8: the batch is the sum of the day's postings of the pair."""
    books = booked(patient())
    items = books.items({}, frozenset())
    batches = opened(DAY_ONE, items)
    assert {pair: (b.credit_fen, b.returned_fen, b.items) for pair, b in batches.items()} == {
        (A, "ICBC"): (40_000, 5_000, 2),
        (B, "ICBC"): (10_000, 0, 1),
    }
    assert books.total("credit_fen") == sum(b.credit_fen for b in batches.values())
    assert books.total("returned_fen") == sum(b.returned_fen for b in batches.values())
    assert all(item.reference for item in items)


def test_packs_that_the_institution_funds_have_no_advance():
    """Domain 10: the packs of 2020 are funded by the institution itself."""
    assert booked(patient()).items({}, frozenset({CITY})) == []


def test_an_agreement_of_an_earlier_day_is_asked_for_by_its_id():
    """A day does not hold the agreements that were signed before it."""
    world = patient()
    books = DayBooks({0: ""})
    for record in world.ledger[2:]:
        books.add(0, replace(record, hash=sm3_hex(b"x")))
    (agreement,) = books.unresolved()
    known = {agreement: Agreement(agreement, "CCB", CITY)}
    assert {item.bank for item in books.items(known, frozenset())} == {"CCB"}
    assert books.rows(known)["bank", "CCB"]["credit_fen"] == 50_000


def test_any_record_of_a_closed_day_is_proven_by_its_root():
    """From the record's hash to its partition's root, from there to the signed root; an empty partition counts too."""
    books = booked(patient())
    root = books.root()
    for record_hash in books.partitions[0].hashes:
        proof = books.proof(0, record_hash)
        assert proof_holds(proof, root)
        assert not proof_holds(proof._replace(hash=sm3_hex(b"another")), root)
        assert not proof_holds(proof._replace(partition_content=proof.partition_content.replace("0|", "1|", 1)), root)
    assert books.partitions[1].hashes == []
    with pytest.raises(ValueError, match="is not in list"):
        books.proof(0, sm3_hex(b"another"))


def test_what_is_signed_names_day_root_and_totals():
    """Another total is another text."""
    assert close_text(DAY_ONE, "ab", (1, 2, 3, 4)) == b"medcredit-day-close-1|2026-07-01|ab|1|2|3|4"


ITEMS = [Item(A, "ICBC", "credit", "C1", 40_000, START), Item(A, "ICBC", "refund", "E1", 5_000, START)]


def test_a_settlement_file_has_the_documented_widths_and_its_own_digest():
    """75, 67 and 123 characters; the trailer's SM3 is that of the command that opened the batch."""
    lines = list(detail_lines((i.kind, i.reference, i.amount_fen, i.at) for i in ITEMS))
    text = settlement_file(BatchTotals("f" * 32, A, "ICBC", DAY_ONE, 40_000, 5_000, -100, 34_900), lines)
    records = text.splitlines()
    assert [len(each) for each in records] == [75, 67, 67, 123]
    assert records[1] == "D000001CC1" + " " * 30 + " 00000004000020260701180000"
    command = opened(DAY_ONE, ITEMS)[A, "ICBC"]
    assert records[3].endswith(command.items_sm3)
    assert "-000000000100" in records[3]
    assert by_pair(ITEMS)[A, "ICBC"] == ITEMS


CONFIRMED = Confirmation(
    "ICBC", DAY_ONE, (BatchWord("f" * 32, paid=True, amount_fen=34_900, serial="S1"),),
    (Collection("B" * 32, 1_000, 12, day_start(date(2026, 7, 2)), "S2"),),
)  # fmt: skip


def test_a_banks_file_is_read_back_as_it_was_written():
    """Batches and collections, with count, sum and SM3."""
    text = confirmation_file(CONFIRMED)
    assert [len(each) for each in text.splitlines()] == [27, 67, 93, 84]
    assert read_confirmation(text) == CONFIRMED
    assert read_confirmation(confirmation_file(Confirmation("CCB", DAY_ONE, (), ()))).words == ()


@pytest.mark.parametrize(
    ("found", "put", "row", "column"),
    [
        ("000000034900", "000000034901", 4, "sum"),
        ("1 000000034900", "2 000000034900", 2, "word"),
        ("B" + "f" * 32, "X" + "f" * 32, 2, "record"),
        ("S2 ", "S3 ", 4, "SM3"),
        ("20260702000000", "20260732000000", 3, "time"),
        (" 000000001000 ", " 00000000100x ", 3, "amount"),
        ("A01", "A02", 1, "header"),
        ("Z000002", "Z000003", 4, "records"),
    ],
)
def test_a_banks_file_that_is_not_as_documented_is_refused_with_row_and_column(found, put, row, column):
    """Nothing of such a file is booked."""
    with pytest.raises(LayoutError) as raised:
        read_confirmation(confirmation_file(CONFIRMED).replace(found, put, 1))
    assert (raised.value.row, raised.value.column) == (row, column)


def test_payments_and_refunds_through_a_gateway_stand_under_their_own_numbers():
    """What the channel's bill file is compared with: order numbers positive, refund numbers negative."""
    world = World(XIAMEN)
    world.enrol(700, pack=PLATFORM)
    world.send(charge(line("L1", 4_400), line("L2", 600)))
    world.close()
    world.move(city=73 * HOUR, wall=73 * HOUR)
    world.answer()
    world.send(charge(line("L3", 600, "credit", reverses="L2")))
    world.answer(world.refund_errands[-1], "refunded")
    [paid, back] = booked(world).entries
    assert (paid[0], paid[1].key, paid[1].amount_fen) == ("alipay", world.debit.order_no, 5_000)
    assert (back[0], back[1].kind, back[1].amount_fen) == ("alipay", "refund", -600)
    assert back[1].key == world.refund_errands[-1].refund_no


def test_a_childs_credit_is_advanced_by_the_payers_bank_to_the_childs_hospital():
    """What passes between two accounts of a family is posted credit of the payer's line like any other (domain 10)."""
    town = linked()
    town.send(CHILD, charge(line("F1", 20_000)))
    town.settle()
    town.send(CHILD, charge(line("K1", 4_000, kind="credit", reverses="F1")))
    town.settle()
    books = DayBooks({0: ""})
    for account in (CHILD, PARENT):
        for record in town.world(account).ledger:
            books.add(0, record)
    (batch,) = opened(DAY_ONE, books.items({}, ())).values()
    assert (batch.institution, batch.bank) == (A, "ICBC")
    assert (batch.items, batch.credit_fen, batch.returned_fen) == (2, 20_000, 4_000)
    assert books.rows({})["institution", A]["given_up_fen"] == 0

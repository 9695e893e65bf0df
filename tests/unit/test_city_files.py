"""Files the synthetic city's other sides leave for the clerk: read by the hub's own readers, true to what was sent."""

from datetime import date
from pathlib import Path

from adapters.his.bill_list import read_list
from adapters.sandbox.bank import Word, confirmation, judged
from hub.clearing.books import Book
from hub.clearing.causes import Cause
from hub.clearing.matching import compare
from hub.clearing.settlement_file import BatchTotals, BatchWord, detail_lines, read_confirmation, settlement_file
from hub.simulate.his_lists import HisLists
from schemas.city_time import day_start

DAY = date(2026, 7, 3)
NOON = day_start(DAY) + 12 * 3_600_000
NEXT_NOON = NOON + 24 * 3_600_000
CHARGE, BACK = "0" * 31 + "1", "0" * 31 + "2"


def batch_file(carried: int = 0, amount: int = 1_300) -> str:
    """Return the hub's settlement file of one charge of 15.00 and a refund of 2.00."""
    lines = detail_lines([("credit", CHARGE, 1_500, NOON), ("refund", BACK, 200, NOON)])
    totals = BatchTotals("B" * 32, "XMZSH", "ICBC", "2026-07-03", 1_500, 200, carried, amount)
    return settlement_file(totals, lines)


def test_a_sandbox_bank_pays_a_batch_whose_every_figure_holds():
    """Lines, totals, what was carried, SM3; the hub reads the bank's file, which is written by code of its own."""
    assert judged(batch_file()) == Word("B" * 32, paid=True, amount_fen=1_300, serial="ADV" + "B" * 17)
    assert judged(batch_file(carried=-2_000, amount=0)).amount_fen == 0
    read = read_confirmation(confirmation("ICBC", "2026-07-03", [judged(batch_file())]))
    assert (read.bank, read.day) == ("ICBC", "2026-07-03")
    assert read.words == (BatchWord("B" * 32, paid=True, amount_fen=1_300, serial="ADV" + "B" * 17),)


def test_a_sandbox_bank_refuses_a_batch_whose_figures_do_not_hold():
    """A changed amount in a line, a wrong total, a line that was taken out."""
    text = batch_file()
    first, detail, other, last = text.splitlines(keepends=True)
    wrong = (
        text.replace(" 000000001500", " 000000001501", 1),
        batch_file(amount=1_301),
        first + detail + last,
    )
    assert other in text
    assert [judged(each).paid for each in wrong] == [False, False, False]


def test_a_hospitals_list_of_a_day_is_written_once_the_day_is_over_and_read_whole(tmp_path: Path):
    """Charges and refunds with their instants, prepayments left out, a repeated message not listed twice."""
    lists = HisLists()
    for _ in range(2):
        lists.note("XMZSH", [("F1", "CG", 1_834), ("F1", "CD", 500), ("P1", "PY", 9_000)], NOON)
    assert lists.write_due(tmp_path, NOON) == 0
    assert lists.write_due(tmp_path, NEXT_NOON) == 1
    assert lists.write_due(tmp_path, NEXT_NOON) == 0
    book = read_list((tmp_path / "his-XMZSH-2026-07-03.csv").read_bytes(), "HIS@XMZSH")
    assert [(e.kind, e.key, e.amount_fen, e.at) for e in book.entries] == [
        ("charge", "F1", 1_834, NOON),
        ("credit", "F1", -500, NOON),
    ]


def test_the_small_hospitals_total_leaves_one_charge_out_and_the_smallest_explanation_names_it(tmp_path: Path):
    """Only a sum is given; the set is proven minimal and is the only one."""
    lists = HisLists()
    charged = [("F1", "CG", 2_000), ("F2", "CG", 9_000), ("F3", "CG", 1_250)]
    lists.note("XMFYB", charged, NOON)
    lists.write_due(tmp_path, NEXT_NOON)
    theirs = read_list((tmp_path / "his-XMFYB-2026-07-03.csv").read_bytes(), "HIS@XMFYB")
    assert (theirs.entries, theirs.stated_fen) == ((), 10_250)
    whole = HisLists()
    whole.note("XMZSH", charged, NOON)
    whole.write_due(tmp_path, NEXT_NOON)
    ours = read_list((tmp_path / "his-XMZSH-2026-07-03.csv").read_bytes(), "hub")
    found = compare(Book("hub", ours.entries), theirs)
    [[left_out]] = found.sets
    assert (left_out.cause, left_out.key, left_out.difference_fen) == (Cause.NOT_COUNTED, "F1", 2_000)
    assert found.proven
    assert found.unique

"""An institution's bill list: read whole, or refused with row and column; a bank's inbox; reports' own arithmetic."""

from datetime import date
from pathlib import Path

import pytest

from adapters.bank.inbox import BankInbox
from adapters.his.bill_list import HisInbox, read_list
from hub.clearing.settlement_file import Confirmation, confirmation_file
from hub.cli.report import csv_text
from hub.runtime.bill_files import BillFileError
from hub.web.books.day_reports import REPORTS, wilson
from hub.web.clearing_answers import ReportAnswer

DAY = date(2026, 7, 3)
LIST = (
    "明细号,类型,金额（元）,时间\n"
    "F0001,收费,18.34,2026-07-03 10:15:00\n"
    "F0002,退费,5.00,2026-07-03 10:16:00\n"
    "#合计,2,13.34\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
def test_a_list_is_read_in_each_encoding_a_his_writes(encoding):
    """Charges positive, refunds negative, the line number as the key."""
    book = read_list(LIST.encode(encoding), "HIS@XMZSH")
    assert [(e.kind, e.key, e.amount_fen) for e in book.entries] == [
        ("charge", "F0001", 1834),
        ("credit", "F0002", -500),
    ]
    assert book.total_fen == 1334


@pytest.mark.parametrize(
    ("found", "put", "row", "column"),
    [
        ("明细号,", "编号,", "1", "明细号"),
        ("F0001,收费", ",收费", "2", "明细号"),
        ("F0001,收费", "F\x001,收费", "2", "明细号"),
        ("F0001,收费", "F" * 301 + ",收费", "2", "明细号"),
        ("F0001,收费", "F" * 140_000 + ",收费", "2", "明细号"),
        ("收费", "其他", "2", "类型"),
        ("18.34", "18.345", "2", "金额（元）"),
        ("18.34", "-18.34", "2", "金额（元）"),
        ("10:15:00", "25:15:00", "2", "时间"),
        (",2026-07-03 10:16:00", "", "3", "时间"),
        ("#合计,2", "#合计,3", None, "#合计"),
        ("13.34", "13.35", None, "#合计"),
        ("#合计,2,13.34\n", "", "3", "#合计"),
    ],
)
def test_a_list_that_is_not_as_documented_is_refused_with_row_and_column(found, put, row, column):
    """Nothing of it is compared."""
    with pytest.raises(BillFileError) as raised:
        read_list(LIST.replace(found, put, 1).encode(), "HIS@XMZSH")
    assert raised.value.parameters["column"] == column
    assert row is None or raised.value.parameters["row"] == row


def test_a_total_line_alone_is_a_book_that_states_its_sum_and_names_no_rows():
    """Such a day is compared by its sum; a header without rows still needs a total that holds."""
    book = read_list("#合计,3,475.00\n".encode(), "HIS@XMFYB")
    assert (book.entries, book.stated_fen, book.total_fen) == ((), 47_500, 47_500)
    for text in ("#合计,3\n", "#合计,x,475.00\n", "明细号,类型,金额（元）,时间\n#合计,3,475.00\n"):
        with pytest.raises(BillFileError):
            read_list(text.encode(), "HIS@XMFYB")


async def test_inboxes_give_the_file_of_their_name_and_day_only(tmp_path: Path):
    """None while there is none; another bank's file under this name is refused."""
    his, bank = HisInbox("XMZSH", tmp_path), BankInbox("ICBC", tmp_path)
    assert await his.fetch(DAY) is None
    assert await bank.fetch(DAY) is None
    (tmp_path / "his-XMZSH-2026-07-03.csv").write_text(LIST, "utf-8")
    (tmp_path / "bank-ICBC-2026-07-03.txt").write_text(confirmation_file(Confirmation("CCB", "2026-07-03", (), ())))
    found = await his.fetch(DAY)
    assert found is not None
    assert found[0].name == "HIS@XMZSH"
    with pytest.raises(BillFileError, match="it is of CCB"):
        await bank.fetch(DAY)


def test_a_share_has_an_interval_that_never_leaves_its_range():
    """Wilson's score: 356 of 387 is 92.0 %, between 88.9 and 94.3."""
    assert wilson(356, 387) == (889, 943)
    assert wilson(0, 0) == (0, 1000)
    assert wilson(5, 5)[1] == 1000
    assert wilson(0, 5)[0] == 0


def test_reports_have_names_in_both_languages_and_csv_shows_yuan():
    """Columns of fen become yuan, everything else stays as it is."""
    assert all(report.en and report.zh and report.columns for report in REPORTS.values())
    report = ReportAnswer("t-plus-1", "2026-07-03", ("institution", "amount_fen", "items"), (("XMZSH", -5, 3),))
    assert csv_text(report) == "institution,amount_yuan,items\nXMZSH,-0.05,3\n"

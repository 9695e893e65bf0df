"""Bill files of the channels in their real layouts: read whole, or refused with row and column."""

import base64
import io
import json
import zipfile
import zlib
from datetime import date
from pathlib import Path

import pytest

from adapters.alipay import bill_file as alipay
from adapters.unionpay import bill_file as unionpay
from hub.runtime.bill_files import BillFileError, unpacked
from schemas.reasons import Reason

RECON = Path(__file__).parents[1] / "samples" / "payments" / "recon"
SAMPLE = (RECON / "alipay_trade_bill_synthetic.gbk.csv").read_bytes()
LAYOUT = json.loads((RECON / "unionpay_zm_layout.json").read_text("utf-8"))
DAY = date(2026, 7, 3)


def zipped(**members: bytes) -> bytes:
    """Return a ZIP of these members."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def zm_row(order: str = "O1", fen: str = "810", kind: str = "11", time: str = "0703101500", name: str = "") -> str:
    """Return a row built from the layout's own table, not from the reader's."""
    values = {5: time, 7: fen.rjust(12, "0"), 10: "Q1", 12: order, 20: kind, 31: name}
    return " ".join(values.get(field["n"], "").ljust(field["width"]) for field in LAYOUT["ZM"])


def test_the_sample_of_alipay_gives_its_six_rows_and_its_totals():
    """Three payments of 178.61 and three refunds of 108.60; one trade is refunded twice, each by its own number."""
    book = alipay.read_trades(SAMPLE)
    assert sum(e.amount_fen for e in book.entries if e.kind == "payment") == 17_861
    assert sum(e.amount_fen for e in book.entries if e.kind == "refund") == -10_860
    assert [e.key for e in book.entries if e.kind == "refund"] == [f"RF2026010100000{n}" for n in (1, 2, 3)]
    assert book.entries[0] == ("payment", "XMHUB20260101000001", 12_000, 1_767_229_807_000,
                               "2026010122001400000000000001", False)  # fmt: skip


def test_the_columns_are_those_of_the_layout():
    """The layout file names 25 columns in this order."""
    layout = json.loads((RECON / "alipay_trade_bill_layout.json").read_text("utf-8"))
    assert list(alipay.COLUMNS) == layout["columns"]


def test_a_package_is_read_by_its_header_whatever_its_members_are_called():
    """The summary beside the detail file is left alone."""
    package = zipped(**{"a(汇总).csv": "#汇总\r\n".encode("gbk"), "b.csv": SAMPLE})
    assert len(alipay.read_package(package).entries) == 6
    with pytest.raises(BillFileError):
        alipay.read_package(zipped(other=b"nothing"))


@pytest.mark.parametrize(
    ("found", "put", "row", "column"),
    [
        ("120.00,120.00", "120.001,120.00", "6", "订单金额（元）"),
        ("120.00,120.00", "120.00,1x0.00", "6", "商家实收（元）"),
        (",交易\t", ",转账\t", None, "业务类型"),
        ("2026-01-01 09:10:07", "2026-13-01 09:10:07", "6", "完成时间"),
        ("XMHUB20260101000003\t", "\t", "9", "商户订单号"),
        ("XMHUB20260101000003\t", "X\x00\t", "9", "商户订单号"),
        ("XMHUB20260101000003\t", "X" * 4000, "9", "商户订单号"),
        ("-20.00,-20.00", "20.00,20.00", "8", "订单金额（元）"),
        (",门诊费用\r\n", ",门诊费用,更多\r\n", None, "备注"),
        ("支付宝交易号,", "交易号,", "5", "支付宝交易号"),
    ],
)
def test_a_row_of_alipay_that_is_not_as_documented_is_named(found, put, row, column):
    """The whole file is refused, with the place of the fault."""
    text = SAMPLE.decode("gbk").replace(found, put, 1)
    with pytest.raises(BillFileError) as raised:
        alipay.read_trades(text.encode("gbk"))
    assert raised.value.reason is Reason.BILL_FILE_FORM
    assert raised.value.parameters["column"] == column
    assert row is None or raised.value.parameters["row"] == row


@pytest.mark.parametrize("put", [("178.61", "178.62"), ("交易合计：3笔", "交易合计：4笔"), ("-108.60", "-108.59")])
def test_a_footer_of_alipay_that_does_not_add_up_refuses_the_file(put):
    """Protocols 10, sentinel 127: nothing of such a file is used."""
    with pytest.raises(BillFileError) as raised:
        alipay.read_trades(SAMPLE.decode("gbk").replace(*put).encode("gbk"))
    assert raised.value.reason is Reason.BILL_FILE_TOTALS


def test_bytes_that_are_no_gbk_and_a_file_cut_short_are_named():
    """The byte's row and place; the row where the end mark is missing."""
    with pytest.raises(BillFileError, match="row 6, column byte 3"):
        alipay.read_trades(SAMPLE.replace(b"2026010122", b"20\xff\xff10122", 1))
    with pytest.raises(BillFileError, match="ends before its end mark"):
        alipay.read_trades(SAMPLE[: SAMPLE.index(b"#-----", 300)].rstrip())


def test_the_widths_of_unionpay_are_those_of_the_layout():
    """41 fields, 607 characters."""
    assert list(unionpay.WIDTHS) == [field["width"] for field in LAYOUT["ZM"]]
    assert unionpay.ROW == LAYOUT["ZM_row_chars"] == len(zm_row())


def test_rows_of_unionpay_are_payments_and_refunds_in_fen():
    """A refund stands under its own order number; a longer tail is accepted."""
    content = f"{zm_row()}\r\n{zm_row('R1', '300', '04')} more\r\n".encode("gbk")
    book = unionpay.read_trades(content, DAY)
    assert [(e.kind, e.key, e.amount_fen) for e in book.entries] == [("payment", "O1", 810), ("refund", "R1", -300)]
    assert book.entries[0].at == 1_783_044_900_000


def test_chinese_names_are_sliced_by_bytes_or_by_characters():
    """Which of both counts is not documented: the blanks tell."""
    by_characters = zm_row(name="示例医院")
    by_bytes = by_characters.replace("示例医院    ", "示例医院")
    for row in (by_characters, by_bytes):
        assert unionpay.read_trades(row.encode("gbk"), DAY).entries[0].amount_fen == 810


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (zm_row()[1:], "606 characters"),
        (zm_row(fen="8.10"), "交易金额"),
        (zm_row(kind="99"), "txnType"),
        (zm_row(order=""), "orderId"),
        (zm_row(time="0732101500"), "交易传输时间"),
    ],
)
def test_a_row_of_unionpay_that_is_not_as_documented_is_named(row, column):
    """Protocols 10, sentinel 127: one character short refuses the file."""
    with pytest.raises(BillFileError) as raised:
        unionpay.read_trades(f"{zm_row()}\n{row}\n".encode("gbk"), DAY)
    assert raised.value.parameters["row"] == "2"
    assert raised.value.parameters["column"] == column


def test_the_answer_of_unionpay_is_unpacked_and_its_zm_member_read():
    """base64, inflate, ZIP, the member of our merchant."""
    archive = zipped(INN26070300ZM_777=zm_row().encode("gbk"), INN26070300ZME_777=b"")
    answer = base64.b64encode(zlib.compress(archive)).decode()
    assert len(unionpay.read_answer(answer, "777", DAY).entries) == 1
    for wrong, mer_id in ((answer, "778"), ("!!", "777"), (base64.b64encode(b"x").decode(), "777")):
        with pytest.raises(BillFileError):
            unionpay.read_answer(wrong, mer_id, DAY)


@pytest.mark.parametrize("name", ["../a", "/a", "c:/a", "x/../../a"])
def test_an_archive_that_leaves_its_folder_is_refused(name):
    """Nothing is ever written, and still such a name is a sign of foul play."""
    with pytest.raises(BillFileError, match="leaves the folder"):
        unpacked(zipped(**{name: b"x"}))


def test_an_archive_that_swells_is_refused():
    """More than 100 to 1."""
    with pytest.raises(BillFileError, match="100 times"):
        unpacked(zipped(a=b"0" * 1_000_000))
    with pytest.raises(BillFileError):
        unpacked(b"no archive")

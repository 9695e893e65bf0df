"""The 业务明细 bill of one day: GBK, comment lines, TAB-padded values, control totals at its foot (protocols 5.4)."""

import re
from collections.abc import Mapping
from typing import Final

from adapters.alipay.beijing import instant_of
from hub.clearing.books import Book, Entry, EntryKind
from hub.runtime.bill_files import gbk_lines, number_of, unpacked, unreadable, wrong_total
from schemas.money import AmountSyntaxError, fen_from_text, yuan_text

COLUMNS: Final = (
    *("支付宝交易号", "商户订单号", "业务类型", "商品名称", "创建时间", "完成时间", "门店编号", "门店名称", "操作员"),
    *("终端号", "对方账户", "订单金额（元）", "商家实收（元）", "支付宝红包（元）", "集分宝（元）", "支付宝优惠（元）"),
    *("商家优惠（元）", "券核销金额（元）", "券名称", "商家红包消费金额（元）", "卡消费金额（元）"),
    *("退款批次号/请求号", "服务费（元）", "分润（元）", "备注"),
)
"""The 25 columns of the detail file, in their order."""
_KINDS: Final[Mapping[str, EntryKind]] = {"交易": "payment", "退款": "refund"}
_END: Final = "业务明细列表结束"
_FOOT: Final[dict[EntryKind, re.Pattern[str]]] = {
    "payment": re.compile(r"#交易合计：(\d+)笔，商家实收共(-?[\d.]+)元"),
    "refund": re.compile(r"#退款合计：(\d+)笔，商家实收退款共(-?[\d.]+)元"),
}


def read_package(archive: bytes) -> Book:
    """Return the trades of a downloaded ZIP: the detail file is found by its header, not by its name or place.

    Raises BillFileError when no member is one, or when it cannot be read.
    """
    for content in unpacked(archive).values():
        if ",".join(COLUMNS).encode("gb18030") in content:
            return read_trades(content)
    raise unreadable(1, COLUMNS[0], "no member of the ZIP has the header of the detail file")


def read_trades(content: bytes) -> Book:
    """Return every payment and refund of a detail file.

    Raises BillFileError naming row and column of whatever is not as documented, and for a total that does not hold.
    """
    lines = gbk_lines(content)
    head = next((row for row, line in enumerate(lines) if not line.startswith("#")), len(lines))
    if head >= len(lines) or tuple(_cells(lines[head])) != COLUMNS:
        raise unreadable(head + 1, COLUMNS[0], "the header with its 25 columns is not here")
    entries: list[Entry] = []
    received: dict[EntryKind, list[int]] = {"payment": [], "refund": []}
    for row in range(head + 1, len(lines)):
        if lines[row].startswith("#"):
            _check_foot(lines, row, received)
            return Book("alipay", tuple(entries))
        entry, received_fen = _entry(row + 1, lines[row])
        entries.append(entry)
        received[entry.kind].append(received_fen)
    raise unreadable(len(lines), COLUMNS[0], "the file ends before its end mark")


def _cells(line: str) -> list[str]:
    return [cell.strip("\t ") for cell in line.split(",")]


def _entry(row: int, line: str) -> tuple[Entry, int]:
    """Return the entry of one row and what the merchant received by it."""
    cells = _cells(line)
    if len(cells) != len(COLUMNS):
        raise unreadable(row, COLUMNS[-1], f"the row has {len(cells)} columns, not {len(COLUMNS)}")
    cell = dict(zip(COLUMNS, cells, strict=True))
    kind = _KINDS.get(cell["业务类型"])
    if kind is None:
        raise unreadable(row, "业务类型", f"{cell['业务类型']!r} is neither 交易 nor 退款")
    key = number_of(row, "商户订单号", cell["商户订单号" if kind == "payment" else "退款批次号/请求号"])
    amount_fen = _fen(row, cell, "订单金额（元）")
    if (amount_fen < 0) != (kind == "refund"):
        raise unreadable(row, "订单金额（元）", "a refund is negative, a payment is not")
    at = instant_of(cell["完成时间"])
    if not at:
        raise unreadable(row, "完成时间", f"{cell['完成时间']!r} is no time")
    trade_no = number_of(row, "支付宝交易号", cell["支付宝交易号"])
    return Entry(kind, key, amount_fen, at, trade_no), _fen(row, cell, "商家实收（元）")


def _fen(row: int, cell: Mapping[str, str], column: str) -> int:
    try:
        return fen_from_text(cell[column])
    except AmountSyntaxError as error:
        raise unreadable(row, column, f"{cell[column]!r} is no amount") from error


def _check_foot(lines: list[str], row: int, received: Mapping[EntryKind, list[int]]) -> None:
    """Compare the foot's counts and sums with the rows."""
    if _END not in lines[row]:
        raise unreadable(row + 1, COLUMNS[0], "a comment stands among the rows")
    foot = "\n".join(lines[row + 1 :])
    for kind, pattern in _FOOT.items():
        found = pattern.search(foot)
        if found is None:
            raise unreadable(row + 2, "合计", "a control total is missing")
        count, total_fen = int(found[1]), fen_from_text(found[2])
        if count != len(received[kind]):
            raise wrong_total("交易合计笔数" if kind == "payment" else "退款合计笔数", count, len(received[kind]))
        if total_fen != sum(received[kind]):
            raise wrong_total("商家实收合计", found[2], yuan_text(sum(received[kind])))

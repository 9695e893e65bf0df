"""Bill files of one day from the sandbox's own book, in the channels' layouts, faults of the sentinels included.

Sentinel amounts (protocols 10): 124 stands in the next day's file, 126 is off by a fen, 127 breaks the file when it is
first fetched, 128 adds a refund that nobody asked for.
"""

import base64
import io
import secrets
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from adapters.sandbox.beijing import ZONE
from adapters.sandbox.book import Book
from adapters.sandbox.city_time import CityTime

_DAY_MS = 86_400_000
_TOKEN_MS = 30_000
_NEXT_DAY, _ONE_FEN_MORE, _BROKEN, _REFUND_ONLY_HERE = 124, 126, 127, 128
_ALIPAY_HEAD = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,"
    "商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,"
    "卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)
_ZM_WIDTHS = {
    1: 3, 2: 11, 3: 11, 4: 6, 5: 10, 6: 19, 7: 12, 8: 4, 9: 2, 10: 21, 11: 2, 12: 32, 13: 2, 14: 6, 15: 10, 16: 13,
    17: 13, 18: 4, 19: 15, 20: 2, 21: 2, 22: 6, 23: 2, 24: 4, 25: 32, 26: 1, 27: 21, 28: 15, 29: 1, 30: 15, 31: 32,
    32: 13, 33: 13, 34: 8, 35: 32, 36: 13, 37: 13, 38: 12, 39: 2, 40: 1, 41: 131,
}  # fmt: skip


class Row(NamedTuple):
    """One movement of money: a payment, or a refund with its own number."""

    order_no: str
    trade_no: str
    amount_fen: int
    city_at: int
    refund_no: str = ""


class Bills:
    """The bill files of one channel's book."""

    def __init__(self, book: Book, times: CityTime) -> None:
        self._book = book
        self._times = times
        self._given: set[date] = set()
        self._tokens: dict[str, tuple[date, int]] = {}

    def token_for(self, day: date, now_ms: int) -> str:
        """Return the token of an address that gives the bill of a day for 30 seconds."""
        token = secrets.token_hex(16)
        self._tokens[token] = (day, now_ms + _TOKEN_MS)
        return token

    def day_of(self, token: str, now_ms: int) -> date | None:
        """Return the day of a token that still holds."""
        day, until = self._tokens.get(token, (None, 0))
        return day if now_ms < until else None

    def alipay(self, day: date) -> bytes:
        """Return the ZIP of a day: the detail file and an empty summary, names in GBK."""
        rows = list(self._rows(day))
        text = _alipay_text(day, rows, wrong_fen=1 if self._breaks(day) else 0)
        name = f"20880000000000000156_{day:%Y%m%d}_业务明细"
        return _zipped({f"{name}.csv": text.encode("gb18030"), f"{name}(汇总).csv": "#汇总\r\n".encode("gb18030")})

    def unionpay(self, day: date, mer_id: str) -> str:
        """Return `fileContent` of a day: a ZIP with the ZM file and an empty ZME, deflated, base64."""
        rows = list(self._rows(day))
        broken = self._breaks(day)
        lines = [_zm_row(row, mer_id)[broken:] for row in rows]
        stem = f"INN{day:%y%m%d}00ZM"
        archive = _zipped({f"{stem}_{mer_id}": "\r\n".join(lines).encode("gb18030"), f"{stem}E_{mer_id}": b""})
        return base64.b64encode(zlib.compress(archive)).decode("ascii")

    def _breaks(self, day: date) -> bool:
        """Return whether this file is to be broken: once for a day that holds the sentinel."""
        first = day not in self._given
        self._given.add(day)
        return first and any(r.amount_fen == _BROKEN and _city_day(r.city_at) == day for r in self._movements())

    def _rows(self, day: date) -> Iterator[Row]:
        for row in self._movements():
            late = _DAY_MS if row.amount_fen == _NEXT_DAY else 0
            if _city_day(row.city_at + late) == day:
                wrong = 1 if row.amount_fen == _ONE_FEN_MORE else 0
                yield row._replace(amount_fen=row.amount_fen + wrong, city_at=row.city_at + late)

    def _movements(self) -> Iterator[Row]:
        for order in self._book.orders.values():
            if order.moved_wall_at is None:
                continue
            at = self._times.of(order.moved_wall_at)
            yield Row(order.order_no, order.trade_no, order.amount_fen, at)
            for refund in order.refunds:
                if refund.moves_at is not None:
                    back_at = self._times.of(refund.moves_at)
                    trade_no = refund.trade_no or order.trade_no
                    yield Row(order.order_no, trade_no, refund.amount_fen, back_at, refund.refund_no)
            if order.amount_fen == _REFUND_ONLY_HERE:
                yield Row(order.order_no, order.trade_no, 1, at, f"CH{order.trade_no[-20:]}")


def _city_day(instant: int) -> date:
    return datetime.fromtimestamp(instant / 1000, UTC).astimezone(ZONE).date()


def _moment(instant: int, form: str) -> str:
    return datetime.fromtimestamp(instant / 1000, UTC).astimezone(ZONE).strftime(form)


def _yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def _alipay_text(day: date, rows: list[Row], wrong_fen: int) -> str:
    payments = [row.amount_fen for row in rows if not row.refund_no]
    refunds = [row.amount_fen for row in rows if row.refund_no]
    begin, end = f"{day:%Y年%m月%d日} 00:00:00", f"{day + timedelta(1):%Y年%m月%d日} 00:00:00"
    received, returned = _yuan(sum(payments) + wrong_fen), _yuan(-sum(refunds))
    lines = [
        "#支付宝业务明细查询",
        "#账号：[20880000000000000156]",
        f"#起始日期：[{begin}]   终止日期：[{end}]",
        f"#{'-' * 41}业务明细列表{'-' * 40}",
        _ALIPAY_HEAD,
        *(_alipay_row(row) for row in rows),
        f"#{'-' * 41}业务明细列表结束{'-' * 36}",
        f"#交易合计：{len(payments)}笔，商家实收共{received}元，商家优惠共0.00元",
        f"#退款合计：{len(refunds)}笔，商家实收退款共{returned}元，商家优惠退款共0.00元",
        f"#导出时间：[{end}]",
    ]
    return "".join(f"{line}\r\n" for line in lines)


def _alipay_row(row: Row) -> str:
    at, sign = _moment(row.city_at, "%Y-%m-%d %H:%M:%S"), -1 if row.refund_no else 1
    fen, kind = _yuan(sign * row.amount_fen), "退款" if row.refund_no else "交易"
    cells = [
        *(
            f"{row.trade_no}\t",
            f"{row.order_no}\t",
            f"{kind}\t",
            "信用就医",
            at,
            at,
            "\t",
            "\t",
            "\t",
            "\t",
            "*示例(***)\t",
        ),
        *(fen, fen, "0.00", "0.00", "0.00", "0.00", "0.00", "", "0.00\t", "0.00", f"{row.refund_no}\t", "0.00", "0.00"),
        "",
    ]
    return ",".join(cells)


def _zm_row(row: Row, mer_id: str) -> str:
    values = {
        1: "S22", 5: _moment(row.city_at, "%m%d%H%M%S"), 7: f"{row.amount_fen:012}", 10: row.trade_no,
        12: row.refund_no or row.order_no, 20: "04" if row.refund_no else "11", 21: "00", 22: "000501", 28: mer_id,
    }  # fmt: skip
    return " ".join(values.get(number, "").ljust(width)[:width] for number, width in _ZM_WIDTHS.items())


def _zipped(members: dict[str, bytes]) -> bytes:
    """Return a ZIP whose member names are GBK bytes without the UTF-8 flag, as the channels write them."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(_GbkName(name.encode("gb18030").decode("cp437")), content)
    return packed.getvalue()


class _GbkName(zipfile.ZipInfo):
    """A member whose name is written as its bytes are: cp437 keeps each byte, and no flag says UTF-8."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 - zipfile's own hook
        return self.filename.encode("cp437"), self.flag_bits & ~0x800

"""Why two books differ, and what to do about each (domain 11): the words of the finance office, in both languages."""

from enum import StrEnum
from typing import Final, NamedTuple


class Cause(StrEnum):
    """The cause of one difference."""

    DAY_CUT = "DAY_CUT"
    LATE_CALLBACK = "LATE_CALLBACK"
    PARTIAL_REFUND = "PARTIAL_REFUND"
    DUPLICATE = "DUPLICATE"
    MISSING_HERE = "MISSING_HERE"
    MISSING_THERE = "MISSING_THERE"
    AMOUNT_DIFFERS = "AMOUNT_DIFFERS"
    NOT_COUNTED = "NOT_COUNTED"


class Words(NamedTuple):
    """A cause and its remedy in both languages."""

    en: str
    zh: str
    do_en: str
    do_zh: str


WORDS: Final[dict[Cause, Words]] = {
    Cause.DAY_CUT: Words(
        "stands in the other book on the neighbouring day",
        "对方记在相邻日",
        "nothing, it closes with that day",
        "无需处理，次日自动轧平",
    ),
    Cause.LATE_CALLBACK: Words(
        "moved at the channel, and we have not heard of it yet",
        "渠道已扣款，平台尚未收到结果",
        "query the order; it is booked by the answer",
        "查询该订单，按查询结果入账",
    ),
    Cause.PARTIAL_REFUND: Words(
        "a refund that only one side knows",
        "仅一方有的退款",
        "query the refund; if it was made there only, it is owed again",
        "查询该退款；若仅对方退款，则重新计入欠款",
    ),
    Cause.DUPLICATE: Words(
        "stands in one book more than once",
        "同一笔重复记账",
        "ask the keeper of that book to take out the repeat",
        "请记账方冲销重复的一笔",
    ),
    Cause.MISSING_HERE: Words(
        "stands in the other book and is unknown to us",
        "对方有、平台无",
        "ask the sender to send it again; it is never booked from a file alone",
        "请来源方重发；不得仅凭文件入账",
    ),
    Cause.MISSING_THERE: Words(
        "stands in our book and is unknown to the other side",
        "平台有、对方无",
        "ask the other side with our number, and keep the case open",
        "凭我方订单号向对方查询，保持挂账",
    ),
    Cause.AMOUNT_DIFFERS: Words(
        "the same number with another amount",
        "同一编号金额不同",
        "freeze the bill, and settle the amount with the other side",
        "冻结该账单，与对方核定金额",
    ),
    Cause.NOT_COUNTED: Words(
        "the other side's total leaves it out",
        "对方合计未计入",
        "ask the other side for its rows of these entries",
        "请对方提供这些条目的明细",
    ),
}

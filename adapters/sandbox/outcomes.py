"""What becomes of a debit: f(SM3(seed | order number | attempt)), or what the sentinel amount says (protocols 10)."""

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import NormalDist
from typing import Final

from adapters.sandbox.settings import Mix


class Verdict(StrEnum):
    """What the gateway does with the money."""

    PAID = "paid"
    REFUSED = "refused"
    REFUSED_LATER = "refused_later"
    PENDING_PAID = "pending_paid"
    PENDING_CLOSED = "pending_closed"
    PAID_AFTER_CLOSE = "paid_after_close"
    PAID_LATE = "paid_late"
    ABSENT = "absent"


class Wire(StrEnum):
    """What happens to the synchronous answer of the debit."""

    PLAIN = "plain"
    CUT = "cut"
    BAD_GATEWAY_ONCE = "bad_gateway_once"
    BADLY_SIGNED = "badly_signed"
    LATE = "late"
    AFTER_NOTICE = "after_notice"
    ODD_TEXT = "odd_text"
    SAYS_DUPLICATE = "says_duplicate"


class Notice(StrEnum):
    """What happens to the notice of the payment."""

    PLAIN = "plain"
    NEVER = "never"
    REPEATED = "repeated"
    THEN_STALE = "then_stale"
    AFTER_REFUND = "after_refund"
    FIRST_HOSTILE = "first_hostile"
    AMOUNT_PLUS_ONE = "amount_plus_one"
    RARE_NAME = "rare_name"
    EXPIRED_CERTIFICATE = "expired_certificate"
    DUPLICATE_KEY = "duplicate_key"


class Refunding(StrEnum):
    """What happens to refunds of the order."""

    PLAIN = "plain"
    SLOW = "slow"
    REFUSED = "refused"
    OUT_OF_ORDER = "out_of_order"
    SECOND_NOTICE_LOST = "second_notice_lost"


@dataclass(frozen=True)
class Outcome:
    """Everything decided about one debit attempt. `code` is the channel's own word for a refusal."""

    verdict: Verdict = Verdict.PAID
    code: str = ""
    wire: Wire = Wire.PLAIN
    notice: Notice = Notice.PLAIN
    notice_sends: int = 1
    refunding: Refunding = Refunding.PLAIN
    settles_after_s: float = 0.0


def _refused(code: str) -> Outcome:
    return Outcome(Verdict.REFUSED, code)


_PAID: Final = Outcome()
_CUT_AFTER: Final = Outcome(wire=Wire.CUT)
_CUT_BEFORE: Final = Outcome(Verdict.ABSENT, wire=Wire.CUT)
_SLOW_PAID: Final = Outcome(Verdict.PENDING_PAID, settles_after_s=8)
_SLOW_CLOSED: Final = Outcome(Verdict.PENDING_CLOSED, "01", settles_after_s=90)

_SHARED: Final[dict[int, Outcome]] = {
    108: _SLOW_PAID,
    109: _SLOW_CLOSED,
    110: _CUT_AFTER,
    111: _CUT_BEFORE,
    112: Outcome(wire=Wire.BAD_GATEWAY_ONCE),
    113: Outcome(notice=Notice.NEVER),
    115: Outcome(wire=Wire.AFTER_NOTICE),
    117: Outcome(notice=Notice.FIRST_HOSTILE),
    118: Outcome(notice=Notice.AMOUNT_PLUS_ONE),
    119: Outcome(wire=Wire.BADLY_SIGNED),
    120: Outcome(wire=Wire.SAYS_DUPLICATE),
    121: Outcome(refunding=Refunding.SLOW),
    122: Outcome(refunding=Refunding.REFUSED),
    129: Outcome(wire=Wire.LATE),
}
# 133 is ours beyond the table of protocols 10: dead at one gateway and paid at the other, so that a debit's second
# source is seen to succeed.
_SENTINELS: Final[dict[str, dict[int, Outcome]]] = {
    "alipay": {
        **_SHARED,
        101: _refused("ACQ.BUYER_BALANCE_NOT_ENOUGH"),
        102: _refused("ACQ.BUYER_BALANCE_NOT_ENOUGH"),
        103: _refused("ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR"),
        104: _refused("ACQ.AGREEMENT_NOT_EXIST"),
        105: _refused("ACQ.PAYMENT_REQUEST_HAS_RISK"),
        106: _refused("ACQ.CYCLE_PAY_DATE_NOT_MATCH"),
        107: _refused("ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE"),
        114: Outcome(notice=Notice.REPEATED, notice_sends=3),
        116: Outcome(notice=Notice.THEN_STALE),
        123: Outcome(Verdict.PAID_AFTER_CLOSE, settles_after_s=8),
        130: Outcome(notice=Notice.RARE_NAME),
        131: Outcome(refunding=Refunding.OUT_OF_ORDER),
        132: Outcome(notice=Notice.DUPLICATE_KEY),
        133: _refused("ACQ.AGREEMENT_NOT_EXIST"),
    },
    "unionpay": {
        **_SHARED,
        101: Outcome(Verdict.REFUSED_LATER, "64"),
        102: Outcome(Verdict.REFUSED_LATER, "64"),
        103: _refused("33"),
        104: _refused("40"),
        105: _refused("38"),
        106: _refused("39"),
        107: _refused("63"),
        114: Outcome(notice=Notice.REPEATED, notice_sends=5),
        116: Outcome(notice=Notice.AFTER_REFUND),
        123: Outcome(Verdict.PAID_LATE, "42"),
        130: Outcome(notice=Notice.EXPIRED_CERTIFICATE),
        131: Outcome(refunding=Refunding.SECOND_NOTICE_LOST),
        132: Outcome(wire=Wire.ODD_TEXT),
        133: Outcome(),
    },
}


def fraction(*parts: object) -> float:
    """Return a number in [0, 1) that depends on the parts only: the first 53 bits of SM3 over them joined with `|`."""
    digest = hashlib.new("sm3", "|".join(map(str, parts)).encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / (1 << 53)


def digits(count: int, *parts: object) -> str:
    """Return so many decimal digits that depend on the parts only."""
    digest = hashlib.new("sm3", "|".join(map(str, parts)).encode()).digest()
    return f"{int.from_bytes(digest, 'big') % 10**count:0{count}d}"


def decide(channel: str, seed: str, order_no: str, attempt: int, amount_fen: int, mix: Mix) -> Outcome:
    """Return the outcome of one debit attempt; the same arguments always give the same outcome."""
    if amount_fen == 102 and attempt > 2:
        return _PAID
    if sentinel := _SENTINELS[channel].get(amount_fen):
        return sentinel
    drawn = _drawn(_SENTINELS[channel], fraction(seed, order_no, attempt), mix)
    if drawn.verdict not in (Verdict.PAID, Verdict.PENDING_PAID):
        return drawn
    return _with_notice(drawn, fraction(seed, order_no, attempt, "notice"), mix)


def latency_s(median_ms: float, p99_ms: float, *parts: object) -> float:
    """Return a log-normal latency in seconds that depends on the parts only; a median of 0 gives 0."""
    if median_ms <= 0:
        return 0.0
    normal = NormalDist()
    at = min(max(fraction(*parts), 0.0005), 0.9995)
    return float(median_ms * (p99_ms / median_ms) ** (normal.inv_cdf(at) / normal.inv_cdf(0.99)) / 1000)


def _drawn(sentinels: dict[int, Outcome], at: float, mix: Mix) -> Outcome:
    shares = (
        (mix.nsf, sentinels[101]),
        (mix.limit, sentinels[103]),
        (mix.agreement_dead, sentinels[104]),
        (mix.risk, sentinels[105]),
        (mix.pending_then_paid, _SLOW_PAID),
        (mix.unknown / 2, _CUT_AFTER),
        (mix.unknown / 2, _CUT_BEFORE),
    )
    for share, outcome in shares:
        if at < share:
            return outcome
        at -= share
    return _PAID


def _with_notice(outcome: Outcome, at: float, mix: Mix) -> Outcome:
    shares = (
        (mix.notice_lost, Notice.NEVER, 1),
        (mix.notice_duplicated, Notice.REPEATED, 2),
        (mix.notice_reordered, Notice.THEN_STALE, 1),
        (mix.notice_hostile, Notice.FIRST_HOSTILE, 1),
    )
    for share, notice, sends in shares:
        if at < share:
            return replace(outcome, notice=notice, notice_sends=sends)
        at -= share
    return outcome

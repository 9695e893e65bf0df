"""What Alipay's codes mean for us (protocols 5.1): status and cause of a call's result."""

from typing import NamedTuple

from schemas.commands import Cause, GatewayStatus


class Meaning(NamedTuple):
    """A result's status and cause; `listed` False means a code nobody has told us: unknown, with an alarm."""

    status: GatewayStatus
    cause: Cause = ""
    listed: bool = True


UNKNOWN = Meaning("unknown")
WAITING = Meaning("waiting")
_CONFIG_CODES = frozenset({"20001", "40001", "40002", "40006"})
_FAILED: dict[str, Cause] = {
    "BUYER_BALANCE_NOT_ENOUGH": "nsf",
    "BUYER_BANKCARD_BALANCE_NOT_ENOUGH": "nsf",
    "NO_PAYMENT_INSTRUMENTS_AVAILABLE": "nsf",
    "ERROR_BALANCE_PAYMENT_DISABLE": "nsf",
    "BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR": "limit",
    "BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR": "limit",
    "BEYOND_PAY_RESTRICTION": "limit",
    "BEYOND_PER_RECEIPT_RESTRICTION": "limit",
    "AGREEMENT_NOT_EXIST": "agreement_dead",
    "AGREEMENT_INVALID": "agreement_dead",
    "AGREEMENT_STATUS_NOT_NORMAL": "agreement_dead",
    "AGREEMENT_ERROR": "agreement_dead",
    "CYCLE_PAY_DATE_NOT_MATCH": "period_rule",
    "PAYMENT_REQUEST_HAS_RISK": "risk",
    "PAYMENT_FAIL": "risk",
    "ACCESS_FORBIDDEN": "config",
    "SELLER_BEEN_BLOCKED": "config",
    "MERCHANT_AGREEMENT_NOT_EXIST": "config",
    "MERCHANT_AGREEMENT_INVALID": "config",
    "MERCHANT_STATUS_NOT_NORMAL": "config",
    "AMOUNT_OR_CURRENCY_ERROR": "config",
    "CONTEXT_INCONSISTENT": "config",
    # PREAUTH: the hub freezes nothing, so these mean that the contract at Alipay is for another product than ours.
    "AUTH_AMOUNT_NOT_ENOUGH": "config",
    "AUTH_NO_ERROR": "config",
    "AUTH_ORDER_HAS_CLOSED": "config",
    "AUTH_ORDER_HAS_FINISHED": "config",
}
_OTHER = {
    "SYSTEM_ERROR": UNKNOWN,
    "TRADE_HAS_SUCCESS": UNKNOWN,  # paid under this number: a query brings the trade number
    "TRADE_HAS_CLOSE": Meaning("closed"),
    "TRADE_NOT_EXIST": Meaning("not_exist"),
}
_REFUND_REFUSED = frozenset(
    {
        "REFUND_AMT_NOT_EQUAL_TOTAL",
        "REASON_TRADE_BEEN_FREEZEN",
        "TRADE_HAS_FINISHED",
        "TRADE_STATUS_ERROR",
        "REFUND_FEE_ERROR",
        "SELLER_BALANCE_NOT_ENOUGH",
    }
)


def meaning_of(code: str, sub_code: str) -> Meaning:
    """Return what an answer other than 10000 says. 20000 and anything unlisted is unknown: query, never a new number.

    CONFIG codes failed before any money moved, so they end this order number.
    """
    if code == "10003":
        return WAITING
    if code in _CONFIG_CODES:
        return Meaning("failed", "config")
    if code != "40004":
        return UNKNOWN if code == "20000" else Meaning("unknown", listed=False)
    name = sub_code.removeprefix("ACQ.")
    if name in _FAILED:
        return Meaning("failed", _FAILED[name])
    return _OTHER.get(name, Meaning("unknown", listed=False))


def refund_meaning_of(code: str, sub_code: str) -> Meaning:
    """Return what an answer to a refund says: refused for good, or unknown."""
    name = sub_code.removeprefix("ACQ.")
    if code == "40004" and name in _REFUND_REFUSED:
        return Meaning("refund_failed", "refund_refused")
    if code in _CONFIG_CODES:
        return Meaning("refund_failed", "config")
    return UNKNOWN._replace(listed=meaning_of(code, sub_code).listed)

"""What Alipay's synchronous answers mean, code by code, and what is not believed (protocols 5.1, 5.3, row 80)."""

from dataclasses import replace
from typing import Any, get_args

import pytest
from payments_world import ORDER, OTHER_ORDER, REFUND, alipay, answer, rsa_key, signature

from adapters.alipay.answers import Reading, read_answer
from adapters.alipay.calls import PAY, QUERY, REFUND_QUERY
from adapters.alipay.calls import REFUND as REFUND_METHOD
from adapters.alipay.causes import meaning_of, refund_meaning_of
from schemas.commands import Cause

PAID = {"code": "10000", "out_trade_no": ORDER, "trade_no": "T1", "total_amount": "8.10"}
TABLE: dict[tuple[str, str], tuple[str, ...]] = {
    ("unknown", ""): ("SYSTEM_ERROR", "TRADE_HAS_SUCCESS"),
    ("closed", ""): ("TRADE_HAS_CLOSE",),
    ("not_exist", ""): ("TRADE_NOT_EXIST",),
    ("failed", "nsf"): (
        "BUYER_BALANCE_NOT_ENOUGH",
        "BUYER_BANKCARD_BALANCE_NOT_ENOUGH",
        "NO_PAYMENT_INSTRUMENTS_AVAILABLE",
        "ERROR_BALANCE_PAYMENT_DISABLE",
    ),
    ("failed", "limit"): (
        "BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR",
        "BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR",
        "BEYOND_PAY_RESTRICTION",
        "BEYOND_PER_RECEIPT_RESTRICTION",
    ),
    ("failed", "agreement_dead"): (
        "AGREEMENT_NOT_EXIST",
        "AGREEMENT_INVALID",
        "AGREEMENT_STATUS_NOT_NORMAL",
        "AGREEMENT_ERROR",
    ),
    ("failed", "period_rule"): ("CYCLE_PAY_DATE_NOT_MATCH",),
    ("failed", "risk"): ("PAYMENT_REQUEST_HAS_RISK", "PAYMENT_FAIL"),
    ("failed", "config"): (
        "ACCESS_FORBIDDEN",
        "SELLER_BEEN_BLOCKED",
        "MERCHANT_AGREEMENT_NOT_EXIST",
        "MERCHANT_AGREEMENT_INVALID",
        "MERCHANT_STATUS_NOT_NORMAL",
        "AMOUNT_OR_CURRENCY_ERROR",
        "CONTEXT_INCONSISTENT",
        "AUTH_AMOUNT_NOT_ENOUGH",
        "AUTH_NO_ERROR",
        "AUTH_ORDER_HAS_CLOSED",
        "AUTH_ORDER_HAS_FINISHED",
    ),
}
ROWS = [(code, *meaning) for meaning, codes in TABLE.items() for code in codes]


def read(method: str, content: Any, **outer: str) -> Reading:
    """Return the reading of a signed answer about ORDER and REFUND."""
    return read_answer(alipay(), method, answer(method, content, **outer), ORDER, REFUND)


def brief(reading: Reading) -> tuple[str, str, str | None]:
    """Return status, cause and fault."""
    return reading.meaning.status, reading.meaning.cause, reading.fault


@pytest.mark.parametrize(("sub_code", "status", "cause"), ROWS)
def test_each_sub_code_has_the_meaning_of_the_table(sub_code: str, status: str, cause: str):
    """5.1, with and without the prefix, in the answer to a debit and to a query."""
    for method in (PAY, QUERY):
        for prefix in ("ACQ.", ""):
            reading = read(method, {"code": "40004", "sub_code": prefix + sub_code, "out_trade_no": ORDER})
            assert (brief(reading), reading.code) == ((status, cause, None), sub_code)
    assert meaning_of("40004", sub_code).listed
    assert cause in get_args(Cause)


@pytest.mark.parametrize(
    ("code", "expected", "listed"),
    [
        ("10003", ("waiting", ""), True),
        ("20000", ("unknown", ""), True),
        ("20001", ("failed", "config"), True),
        ("40001", ("failed", "config"), True),
        ("40002", ("failed", "config"), True),
        ("40006", ("failed", "config"), True),
        ("40004", ("unknown", ""), False),
        ("40003", ("unknown", ""), False),
        ("50000", ("unknown", ""), False),
        ("", ("unknown", ""), False),
    ],
)
def test_each_code_of_the_gateway(code: str, expected: tuple[str, str], *, listed: bool):
    """A business refusal without a sub_code of the table, and any other code, is unknown and unlisted."""
    meaning = meaning_of(code, "ACQ.NEVER_HEARD_OF")
    assert ((meaning.status, meaning.cause), meaning.listed) == (expected, listed)
    fault = None if listed else "CODE_UNLISTED"
    assert brief(read(PAY, {"code": code, "sub_code": "ACQ.NEVER_HEARD_OF"})) == (*expected, fault)


def test_a_refund_refused_with_a_code_nobody_told_us_is_unknown_with_an_alarm():
    """5.1: the detail names the code for the operator; codes of a debit's table are known here too."""
    found = read(REFUND_METHOD, {"code": "40004", "sub_code": "ACQ.NEVER_HEARD_OF"})
    assert (brief(found), found.detail) == (
        ("unknown", "", "CODE_UNLISTED"),
        "code NEVER_HEARD_OF is not in our table",
    )
    assert brief(read(REFUND_METHOD, {"code": "40004", "sub_code": "ACQ.SYSTEM_ERROR"})) == ("unknown", "", None)


def test_no_sub_code_is_a_failure_under_another_code_than_40004():
    """20000 with a failure's sub_code stays unknown: the order may exist."""
    for sub_code, *_ in ROWS:
        assert meaning_of("20000", sub_code).status == "unknown"
        assert meaning_of("10003", sub_code).status == "waiting"


def test_a_paid_debit_carries_number_and_fen():
    """10000 to a debit."""
    assert read(PAY, PAID) == Reading(meaning_of("", "")._replace(status="paid", listed=True), "10000", "T1", 810)


@pytest.mark.parametrize("lost", ["out_trade_no", "total_amount"])
@pytest.mark.parametrize("method", [PAY, QUERY])
def test_a_success_that_does_not_say_of_what_is_unknown(method: str, lost: str):
    """5.3: amount and number must match ours, so both must be there."""
    content = {name: value for name, value in PAID.items() if name != lost} | {"trade_status": "TRADE_SUCCESS"}
    assert brief(read(method, content)) == ("unknown", "", "BODY")
    assert brief(read(method, content | {lost: ""})) == ("unknown", "", "BODY")


@pytest.mark.parametrize("change", [{"out_trade_no": OTHER_ORDER}, {"out_trade_no": 5}, {"out_trade_no": None}])
def test_an_answer_about_another_order_is_unknown(change: dict[str, Any]):
    """Well signed, but not the answer to our question."""
    for method in (PAY, QUERY, REFUND_METHOD, REFUND_QUERY):
        assert brief(read(method, PAID | change)) == ("unknown", "", "BODY")


@pytest.mark.parametrize("amount", ["8.1E0", "+8.10", "x", "8.101", 8.1, 810, ["8.10"]])
def test_an_amount_out_of_form_is_unknown(amount: Any):
    """A JSON number is no amount text unless it reads as one."""
    found = brief(read(PAY, PAID | {"total_amount": amount}))
    assert found == (("paid", "", None) if amount in (8.1, 810) else ("unknown", "", "AMOUNT_SYNTAX"))


@pytest.mark.parametrize(
    ("trade_status", "status", "listed"),
    [
        ("TRADE_SUCCESS", "paid", True),
        ("TRADE_FINISHED", "paid", True),
        ("WAIT_BUYER_PAY", "waiting", True),
        ("TRADE_CLOSED", "closed", True),
        ("TRADE_PENDING", "unknown", False),
        ("", "unknown", False),
    ],
)
def test_each_status_of_a_query(trade_status: str, status: str, *, listed: bool):
    """Only a query's own word about the order counts."""
    reading = read(QUERY, PAID | {"trade_status": trade_status})
    assert (reading.meaning.status, reading.meaning.listed) == (status, listed)
    assert reading.fault == (None if listed else "CODE_UNLISTED")


def test_a_refund_is_done_when_the_money_moved():
    """fund_change Y; N waits; the question is answered by REFUND_SUCCESS alone, 10000 is no proof."""
    base = {"code": "10000", "out_trade_no": ORDER, "refund_fee": "2.50"}
    moved, waits = read(REFUND_METHOD, base | {"fund_change": "Y"}), read(REFUND_METHOD, base | {"fund_change": "N"})
    assert (moved.meaning.status, moved.refunded_fen, waits.meaning.status) == ("refunded", 250, "waiting")
    asked = {"code": "10000", "out_trade_no": ORDER, "out_request_no": REFUND}
    assert read(REFUND_QUERY, asked | {"refund_status": "REFUND_SUCCESS"}).meaning.status == "refunded"
    assert read(REFUND_QUERY, asked).meaning.status == "waiting"
    assert read(REFUND_QUERY, {"code": "10000"}).meaning.status == "waiting"


def test_the_word_about_another_refund_is_not_about_ours():
    """Two part refunds of one order: each has its own request number."""
    other = {"code": "10000", "out_trade_no": ORDER, "out_request_no": "R2", "refund_status": "REFUND_SUCCESS"}
    assert brief(read(REFUND_QUERY, other)) == ("unknown", "", "BODY")


@pytest.mark.parametrize(
    ("code", "sub_code", "status", "cause"),
    [
        ("40004", "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "refund_failed", "refund_refused"),
        ("40004", "ACQ.TRADE_HAS_FINISHED", "refund_failed", "refund_refused"),
        ("40004", "ACQ.SYSTEM_ERROR", "unknown", ""),
        ("40004", "ACQ.BUYER_BALANCE_NOT_ENOUGH", "unknown", ""),
        ("40004", "", "unknown", ""),
        ("40006", "", "refund_failed", "config"),
        ("20000", "", "unknown", ""),
        ("10003", "", "unknown", ""),
    ],
)
def test_what_a_refused_refund_means(code: str, sub_code: str, status: str, cause: str):
    """Only words about refunds end one; the rest is asked again under the same number."""
    assert refund_meaning_of(code, sub_code)[:2] == (status, cause)
    for method in (REFUND_METHOD, REFUND_QUERY):
        fault = None if (code, sub_code) != ("40004", "") else "CODE_UNLISTED"
        assert brief(read(method, {"code": code, "sub_code": sub_code})) == (status, cause, fault)


def test_the_error_response_of_the_gateway_is_read_too():
    """Faults before the method answer under another name, signed alike."""
    body = answer("error", {"code": "40006", "sub_code": "isv.insufficient-isv-permissions"})
    assert brief(read_answer(alipay(), PAY, body, ORDER)) == ("failed", "config", None)


GOOD = answer(PAY, PAID)
SPOILED = {
    "unsigned": answer(PAY, PAID, sign=""),
    "badly signed": answer(PAY, PAID, sign=signature(rsa_key("merchant"), b"x")),
    "signed by ourselves": answer(PAY, PAID, sign=signature(rsa_key("merchant"), GOOD[GOOD.index(b":{") + 1 : -1])),
    "one digit changed": GOOD.replace(b'"8.10"', b'"8.11"'),
    "a blank added": GOOD.replace(b'"8.10"', b' "8.10"'),
    "sign is no text": GOOD.replace(b'"sign":"', b'"sign":5,"x":"'),
    "signed for another method": answer(QUERY, PAID).replace(b"trade_query", b"trade_pay").replace(b"T1", b"T2"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_row_80_an_unsigned_or_badly_signed_answer_is_unknown(name: str):
    """The debit may have happened: unknown, asked about, the bytes kept as SIGN_INVALID."""
    assert brief(read_answer(alipay(), PAY, GOOD, ORDER)) == ("paid", "", None)
    assert brief(read_answer(alipay(), PAY, SPOILED[name], ORDER)) == ("unknown", "", "SIGN_INVALID")


def test_row_80_a_forged_answer_before_the_signed_one_is_not_taken():
    """The name inside a text or another object is not the answer; a name twice is nobody's."""
    signed = GOOD[1:]
    forged = b'{"x":{"alipay_trade_pay_response":{"code":"40004","sub_code":"ACQ.AGREEMENT_ERROR"}},' + signed
    assert brief(read_answer(alipay(), PAY, forged, ORDER)) == ("paid", "", None)
    twice = b'{"alipay_trade_pay_response":{"code":"40004"},' + signed
    assert brief(read_answer(alipay(), PAY, twice, ORDER)) == ("unknown", "", "BODY")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>502</html>",
        b"null",
        b"[]",
        b"{}",
        b'"alipay_trade_pay_response"',
        b'{"sign":"x"}',
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"alipay_trade_pay_response":' * 50_000,
        answer(QUERY, PAID),
        GOOD[:-1],
        GOOD + b"x",
    ],
)
def test_an_answer_that_is_none_is_unknown(body: bytes):
    """Anything but one JSON object with the answer of this method: BODY, never an exception."""
    assert brief(read_answer(alipay(), PAY, body, ORDER)) == ("unknown", "", "BODY")


@pytest.mark.parametrize(
    "raw",
    [
        "null",
        "5",
        '"text"',
        "[]",
        '{"code":10000}',
        '{"code":null}',
        '{"code":"10000","out_trade_no":["x"]}',
        r'{"code":"10000","trade_no":"\ud800"}',
        r'{"code":"40004","sub_code":"\udfff"}',
        '{"code":"40004","sub_code":{"a":1}}',
        '{"code":"40004","sub_code":"' + "x" * 5000 + '"}',
    ],
)
def test_a_signed_answer_of_odd_values_is_unknown(raw: str):
    """The gateway's signature does not make a number a text, or half a surrogate pair writable."""
    assert brief(read(PAY, raw)) == ("unknown", "", "BODY")


def test_the_raw_text_is_verified_not_a_rewritten_one():
    """Escapes, blanks and key order as received; the answer's Chinese text is UTF-8 or escaped."""
    for raw in (
        r'{ "code" : "10000","out_trade_no":"ORDER",  "total_amount":"8.10","msg":"\u6210\u529f }" }',
        '{"total_amount":"8.10","msg":"成功 \\" {","out_trade_no":"ORDER","code":"10000"}',
    ):
        assert brief(read(PAY, raw.replace("ORDER", ORDER))) == ("paid", "", None)


def test_an_unknown_certificate_is_unknown():
    """Certificate mode: the serial that the answer names must be the one whose key we hold."""
    access = replace(alipay(), alipay_cert_sn="sn1")
    found = {
        name: read_answer(access, PAY, answer(PAY, PAID, alipay_cert_sn=name), ORDER).meaning.status
        for name in ("sn1", "sn2", "")
    }
    assert found == {"sn1": "paid", "sn2": "unknown", "": "unknown"}
    assert brief(read_answer(access, PAY, GOOD, ORDER)) == ("unknown", "", "SIGN_INVALID")

"""What UnionPay's answers mean, code by code, 42 above all, and what is not believed (protocols 6.3, row 88)."""

from typing import get_args

import pytest
from payments_world import ORDER, OTHER_ORDER, leaf_pem, plain, rsa_key, signature, signed_union, union, unionpay

from adapters.unionpay.answers import (
    Reader,
    Reading,
    debit_answer,
    query_answer,
    read_answer,
    refund_answer,
    refund_query_answer,
)
from adapters.unionpay.causes import meaning_of, refund_meaning_of, refund_query_meaning_of
from schemas.commands import Cause

TABLE: dict[tuple[str, str], tuple[str, ...]] = {
    ("unknown", ""): ("03", "04", "05", "83", "12", "37", "42"),
    ("failed", "technical"): ("02", "06"),
    ("failed", "config"): ("10", "11", "13", "31", "32", "43"),
    ("not_exist", ""): ("34",),
    ("failed", "nsf"): ("64", "90"),
    ("failed", "limit"): ("33", "81"),
    ("failed", "risk"): ("38",),
    ("failed", "period_rule"): ("39",),
    ("failed", "agreement_dead"): ("40", "44", "68", "72", "77", "80"),
    ("failed", "card"): ("61", "62", "63", "65", "66", "67", "73", "78"),
    ("failed", ""): ("01", "30", "60", "99"),
}
ROWS = [(code, *meaning) for meaning, codes in TABLE.items() for code in codes]
LISTED = {code for code, *_ in ROWS}
UNLISTED = [*sorted({f"{number:02d}" for number in range(100)} - LISTED - {"00"}), "", "A7", "0", "000", "４2", "42 "]


def read(reader: Reader, **changes: str) -> Reading:
    """Return the reading of a signed answer about ORDER."""
    return read_answer(unionpay(), plain(signed_union(**changes)), ORDER, reader)


def brief(reading: Reading) -> tuple[str, str, str | None]:
    """Return status, cause and fault."""
    return reading.meaning.status, reading.meaning.cause, reading.fault


@pytest.mark.parametrize(("code", "status", "cause"), ROWS)
def test_each_code_in_the_answer_to_a_debit(code: str, status: str, cause: str):
    """6.3, the whole table; each cause is a word of the books."""
    found = read(debit_answer, respCode=code)
    assert (brief(found), found.code, found.meaning.listed) == ((status, cause, None), code, True)
    assert cause in get_args(Cause)


@pytest.mark.parametrize(("code", "status", "cause"), [row for row in ROWS if row[0] != "42"])
def test_each_code_as_the_debits_own_in_a_query(code: str, status: str, cause: str):
    """`origRespCode` has the same meanings, but for 42."""
    assert brief(read(query_answer, respCode="00", origRespCode=code)) == (status, cause, None)


def test_no_code_but_the_listed_ones_has_a_meaning():
    """Every other code, of two digits or odd, is unknown and unlisted: never a failure, never a payment."""
    for code in UNLISTED:
        assert meaning_of(code) == ("unknown", "", False), code
        assert refund_meaning_of(code).status in ("unknown", "refund_failed"), code
    assert brief(read(debit_answer, respCode="A7")) == ("unknown", "", "CODE_UNLISTED")
    assert brief(read(query_answer, respCode="A7")) == ("unknown", "", "CODE_UNLISTED")
    assert brief(read(query_answer, respCode="00", origRespCode="A7")) == ("unknown", "", "CODE_UNLISTED")
    assert len(LISTED) == sum(map(len, TABLE.values()))


@pytest.mark.parametrize("code", ["00", "A6"])
def test_accepted_is_not_paid(code: str):
    """00 and A6 to a debit mean accepted; as origRespCode they mean charged, with number and fen."""
    assert brief(read(debit_answer, respCode=code)) == ("waiting", "", None)
    paid = read(query_answer, respCode="00", origRespCode=code)
    assert (brief(paid), paid.trade_no, paid.amount_fen) == (("paid", "", None), "Q1", 810)


def test_42_to_a_debit_is_unknown_and_in_a_query_it_is_paid():
    """Charged after the time limit: the money moved, so a failure would lose it."""
    assert brief(read(debit_answer, respCode="42")) == ("unknown", "", None)
    asked = read(query_answer, respCode="00", origRespCode="42")
    assert (brief(asked), asked.code, asked.trade_no, asked.amount_fen) == (("paid", "", None), "42", "Q1", 810)


@pytest.mark.parametrize(
    ("own", "status"), [("34", "not_exist"), ("37", "unknown"), ("04", "unknown"), ("10", "unknown")]
)
def test_a_query_that_failed_itself_says_nothing_of_the_order(own: str, status: str):
    """Only 34 does: there is none; an origRespCode beside a failed query is not read."""
    assert brief(read(query_answer, respCode=own, origRespCode="00")) == (status, "", None)
    assert brief(read(query_answer, respCode=own, origRespCode="64")) == (status, "", None)


@pytest.mark.parametrize("lost", ["orderId", "merId", "txnAmt", "currencyCode"])
def test_a_success_that_does_not_say_of_what_is_unknown(lost: str):
    """6.3: txnAmt, orderId and merId must equal ours, so a success without one of them is none."""
    for code in ("00", "A6", "42"):
        assert brief(read(query_answer, respCode="00", origRespCode=code, **{lost: ""})) == ("unknown", "", "BODY")
    assert brief(read(refund_query_answer, respCode="00", origRespCode="00", **{lost: ""})) == ("unknown", "", "BODY")
    assert brief(read(query_answer, respCode="00", origRespCode="64", **{lost: ""}))[0] == "failed"


@pytest.mark.parametrize(
    "change",
    [{"txnAmt": "8.10"}, {"txnAmt": "+810"}, {"txnAmt": "８10"}, {"txnAmt": "1" * 13}, {"currencyCode": "840"}],
)
def test_an_amount_or_currency_out_of_form_is_unknown(change: dict[str, str]):
    """Fen in ASCII digits, CNY only."""
    assert brief(read(query_answer, respCode="00", origRespCode="00", **change)) == ("unknown", "", "BODY")


@pytest.mark.parametrize("change", [{"orderId": OTHER_ORDER}, {"merId": "777290058146593"}])
def test_an_answer_about_another_order_or_merchant_is_unknown(change: dict[str, str]):
    """Well signed, but not the answer to our question."""
    for reader in (debit_answer, query_answer, refund_answer, refund_query_answer):
        assert brief(read(reader, origRespCode="00", **change)) == ("unknown", "", "BODY")


@pytest.mark.parametrize(("code", "status", "cause"), ROWS)
def test_each_code_in_the_answer_to_a_refund(code: str, status: str, cause: str):
    """The configuration's codes end it, 34 is no such refund; every other failure is asked about first."""
    expected = (status, cause)
    if status == "failed":
        expected = ("refund_failed", "config") if cause == "config" else ("unknown", "")
    assert brief(read(refund_answer, respCode=code))[:2] == expected


@pytest.mark.parametrize(("code", "status", "cause"), ROWS)
def test_each_code_as_the_refunds_own_in_a_query(code: str, status: str, cause: str):
    """There a failure is final: the patient's money is not left in an endless question. Technical ones are not."""
    final = status == "failed" and cause != "technical"
    expected = ("refund_failed", cause) if final else ("unknown" if status == "failed" else status, "")
    assert brief(read(refund_query_answer, respCode="00", origRespCode=code)) == (*expected, None)


@pytest.mark.parametrize("code", ["35", "36", "45"])
def test_a_refused_refund_is_final_in_answer_and_query(code: str):
    """The original is missing, does not match, or is refunded already."""
    assert brief(read(refund_answer, respCode=code)) == ("refund_failed", "refund_refused", None)
    assert brief(read(refund_query_answer, respCode="00", origRespCode=code)) == (
        "refund_failed",
        "refund_refused",
        None,
    )
    assert refund_query_meaning_of(code) == refund_meaning_of(code)
    assert meaning_of(code).status == "unknown"


def test_a_refund_is_done_when_a_query_says_so():
    """00 to the refund itself is accepted only."""
    assert brief(read(refund_answer, respCode="00")) == ("waiting", "", None)
    assert brief(read(refund_query_answer, respCode="00", origRespCode="00")) == ("refunded", "", None)
    assert brief(read(refund_query_answer, respCode="34")) == ("not_exist", "", None)


GOOD = signed_union()
SPOILED = {
    "one digit changed": ({**GOOD, "txnAmt": "811"}, "SIGN_INVALID"),
    "a field added": ({**GOOD, "x": "1"}, "SIGN_INVALID"),
    "no signature": ({name: value for name, value in GOOD.items() if name != "signature"}, "SIGN_INVALID"),
    "signature is no base64": ({**GOOD, "signature": "%"}, "SIGN_INVALID"),
    "signed by another key": (signed_union("foreign"), "SIGN_INVALID"),
    "signed over the base itself": (
        union() | {"signature": signature(rsa_key("signer"), plain(dict(sorted(union().items()))))},
        "SIGN_INVALID",
    ),
    "version 5.0.0": (signed_union(version="5.0.0"), "SIGN_DOWNGRADE"),
    "another method": (signed_union(signMethod="11"), "SIGN_DOWNGRADE"),
    "no certificate": (signed_union(signPubKeyCert=""), "CERT_CHAIN"),
    "no txnTime": (signed_union(txnTime=""), "CERT_CHAIN"),
    "before the certificate": (signed_union(txnTime="20200703230005"), "CERT_CHAIN"),
    "the year 1": (signed_union(txnTime="00010101000000"), "CERT_CHAIN"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_row_88_an_answer_that_is_not_believed_is_unknown(name: str):
    """The debit may have happened: unknown, asked about, the bytes kept under the reason."""
    assert brief(read_answer(unionpay(), plain(GOOD), ORDER, debit_answer)) == ("waiting", "", None)
    fields, reason = SPOILED[name]
    assert brief(read_answer(unionpay(), plain(fields), ORDER, debit_answer)) == ("unknown", "", reason)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>502</html>",
        b"{}",
        b"\xff",
        plain(GOOD) + b"&x={",
        plain(GOOD) + b"&x=}",
        plain(GOOD) + b"&txnAmt=1",
    ],
)
def test_row_88_an_answer_out_of_form_is_unknown(body: bytes):
    """Unbalanced braces, another text, a key twice: BODY, never an exception."""
    assert brief(read_answer(unionpay(), body, ORDER, query_answer)) == ("unknown", "", "BODY")


def test_an_answer_with_braces_and_equal_signs_is_read():
    """Values may hold `{…&…}` and `=`; the certificate has line ends and padding."""
    odd = signed_union(reserved="{a=1&origRespCode=00&b={c&d}}", origRespCode="64", note="x=y==")
    assert brief(read_answer(unionpay(), plain(odd), ORDER, query_answer)) == ("failed", "nsf", None)
    assert "\n" in leaf_pem()

"""UnionPay's back notices, row by row of section 11: exact status and body, and what reaches the books (6.3)."""

import json
from typing import Any

import pytest
from payments_world import (
    ACCOUNT,
    FORM,
    MERCHANT,
    ORDER,
    OTHER_ORDER,
    REFUND,
    SIGNER,
    believing,
    certificate,
    form,
    joined,
    leaf_pem,
    pem,
    reply,
    rsa_key,
    signature,
    signed_union,
    union,
    unionpay,
)

from adapters.unionpay.access import PRODUCTION_NAME
from adapters.unionpay.notice import BODY_BYTES_MAX, read_notice
from adapters.unionpay.translation import RECEIVED, notice_answer, translate
from hub.runtime.wire import HttpAnswer, Inbound, Refusal
from schemas.commands import ReceiveNotice
from schemas.reasons import REASONS, Reason


def judged(body: bytes | dict[str, str], content_type: str = FORM, **pins: Any) -> Inbound | Refusal | HttpAnswer:
    """Return what the hub makes of a notice."""
    access = believing(**pins) if pins else unionpay()
    fields = read_notice(access, body if isinstance(body, bytes) else form(body), content_type)
    return fields if isinstance(fields, Refusal) else translate(access, fields)


def refused(found: object) -> tuple[int, str, str | None]:
    """Return status, reason and dead letter of a refusal whose body names the same code."""
    assert isinstance(found, Refusal)
    body = json.loads(found.body)
    assert (set(body), body["code"], found.content_type) == ({"code", "message"}, found.reason, "application/json")
    return found.status, found.reason, found.interface


def booked(found: object) -> ReceiveNotice:
    """Return the notice that goes to the books."""
    assert isinstance(found, Inbound)
    assert isinstance(found.body, ReceiveNotice)
    return found.body


def test_a_good_notice_reaches_its_orders_account():
    """Number, fen, queryId and the key of the delivery."""
    found = judged(signed_union())
    assert isinstance(found, Inbound)
    key = f"{MERCHANT}|{ORDER}|20260703230005|11"
    assert (found.account, found.source, found.receipt_key) == (ACCOUNT, "unionpay@main", f"unionpay|{key}")
    assert booked(found) == ReceiveNotice(
        channel="unionpay",
        order_no=ORDER,
        status="paid",
        amount_fen=810,
        notice_id=key,
        trade_no="Q1",
        happened_at=1_783_090_805_000,
    )


def test_a_notice_of_a_refund_names_the_refund():
    """Type 04 has its own orderId; it says nothing of the whole order."""
    notice = booked(judged(signed_union(txnType="04", orderId=REFUND, txnAmt="250", origQryId="Q0")))
    assert (notice.status, notice.refund_no, notice.amount_fen) == ("refunded", REFUND, 250)


@pytest.mark.parametrize("code", ["00", "A6", "42"])
def test_what_was_charged_is_paid_late_or_not(code: str):
    """42 in a notice is a charge after the time limit; of a refund it is no word."""
    assert booked(judged(signed_union(respCode=code))).status == "paid"
    refund = judged(signed_union(respCode=code, txnType="04", orderId=REFUND))
    assert refund == RECEIVED if code == "42" else booked(refund).status == "refunded"


@pytest.mark.parametrize("change", [{"respCode": "05"}, {"respCode": "64"}, {"respCode": ""}, {"txnType": "79"}])
def test_an_authentic_notice_that_says_nothing_of_money_is_received(change: dict[str, str]):
    """Failures are never notified; other kinds are kept by the edge."""
    assert judged(signed_union(**change)) == RECEIVED


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", ""])
def test_another_form_is_415_and_a_long_one_413(content_type: str):
    """Only a form of at most 64 KiB is read."""
    assert refused(judged(signed_union(), content_type)) == (415, "BODY", "pay")
    long = form(signed_union()) + b"&x=" + b"a" * BODY_BYTES_MAX
    assert refused(judged(long)) == (413, "BODY", "pay")


def test_a_parameter_twice_and_broken_bytes_are_400():
    """As on every form."""
    assert refused(judged(form(signed_union()) + b"&txnAmt=810")) == (400, "PARAM_DUPLICATE", "pay")
    assert refused(judged(form(signed_union()) + b"&txn%41mt=810")) == (400, "PARAM_DUPLICATE", "pay")
    assert refused(judged(form(signed_union()) + b"&x=%FF")) == (400, "CHARSET", "pay")


def test_row_82_a_signature_over_the_base_itself_is_refused():
    """Method 01 signs the hex text of the digest."""
    fields = union()
    direct = fields | {"signature": signature(rsa_key("signer"), joined(fields).encode())}
    assert refused(judged(direct)) == (403, "SIGN_INVALID", "pay")


def test_row_82_our_own_query_is_not_part_of_what_is_signed():
    """`?x=1` of our address: a notice that signs it in, or carries it in its body, is refused; without it, believed."""
    with_query = signed_union(x="1")
    without = {name: value for name, value in with_query.items() if name != "x"}
    assert refused(judged(without)) == (403, "SIGN_INVALID", "pay")
    assert refused(judged({**signed_union(), "x": "1"})) == (403, "SIGN_INVALID", "pay")
    assert booked(judged(signed_union())).status == "paid"


@pytest.mark.parametrize("name", [name for name in union() if name not in ("version", "signMethod", "signPubKeyCert")])
def test_row_82_each_field_is_signed(name: str):
    """One character more anywhere; a certificate that does not fit and old versions have rows of their own."""
    fields = signed_union()
    found = refused(judged({**fields, name: fields[name] + "1"}))
    assert found == (403, "CERT_CHAIN" if name == "txnTime" else "SIGN_INVALID", "pay")


def test_row_82_a_missing_signature_or_one_of_another_key_is_refused():
    """The certificate may be shown by anybody; the key behind it signs."""
    assert refused(judged(union())) == (403, "SIGN_INVALID", "pay")
    assert refused(judged(signed_union("foreign"))) == (403, "SIGN_INVALID", "pay")
    assert refused(judged({**signed_union(), "signature": "a b"})) == (403, "SIGN_INVALID", "pay")


@pytest.mark.parametrize("hidden", ["respCode", "orderId", "queryId", "txnAmt", "currencyCode"])
def test_row_82_a_field_merged_into_its_neighbour_is_refused_although_the_signature_fits(hidden: str):
    """`a=1%26b%3D2` has the base string of `a=1&b=2`."""
    fields = signed_union()
    names = [name for name in sorted(fields) if name != "signature"]
    merged = {name: value for name, value in fields.items() if name != hidden}
    merged[names[names.index(hidden) - 1]] += f"&{hidden}={fields[hidden]}"
    assert joined(merged, "signature") == joined(fields, "signature")
    assert refused(judged(merged)) == (403, "SIGN_INVALID", "pay")


def test_row_83_a_foreign_root_a_wrong_name_and_a_time_outside_are_refused():
    """Signed rightly by the shown certificate, which is not to be believed."""
    foreign_middle = pem(certificate(SIGNER, "signer", ("Middle", "foreign")))
    wrong_name = pem(certificate(f"041@Z2014@{MERCHANT}:SIGN@1", "signer", ("Middle", "middle")))
    for shown in (foreign_middle, wrong_name, "-----BEGIN CERTIFICATE-----", leaf_pem()[:-60]):
        assert refused(judged(signed_union(signPubKeyCert=shown))) == (403, "CERT_CHAIN", "pay")
    for outside in ("20240703230005", "20280703230005", "20260703", "now", "00010101000000", "99991231235959"):
        assert refused(judged(signed_union(txnTime=outside))) == (403, "CERT_CHAIN", "pay")
    root = certificate("Root", "foreign", ("Root", "foreign"), ca=True)
    assert refused(judged(signed_union(), root=root)) == (403, "CERT_CHAIN", "pay")
    assert refused(judged(signed_union(), leaf_name=PRODUCTION_NAME)) == (403, "CERT_CHAIN", "pay")


@pytest.mark.parametrize(
    "change", [{"version": "5.0.0"}, {"version": ""}, {"signMethod": "11"}, {"signMethod": "12"}, {"signMethod": ""}]
)
def test_row_84_an_old_version_or_another_method_is_a_downgrade(change: dict[str, str]):
    """5.1.0 with method 01 only."""
    assert refused(judged(signed_union(**change))) == (403, "SIGN_DOWNGRADE", "pay")


@pytest.mark.parametrize("number", ["20171030223623", ORDER[:-1], ORDER.lower(), ORDER[:26], ""])
def test_row_85_a_number_that_cannot_be_ours_is_503_and_an_incident(number: str):
    """It is sent again; one that exists in form only is judged by the books."""
    assert refused(judged(signed_union(orderId=number))) == (503, "ORDER_UNKNOWN", "incident.money")


@pytest.mark.parametrize(
    "change",
    [
        {"merId": "777290058146593"},
        {"merId": ""},
        {"currencyCode": "840"},
        {"currencyCode": ""},
        {"txnAmt": "8.10"},
        {"txnAmt": "-810"},
        {"txnAmt": "８10"},
        {"txnAmt": ""},
    ],
)
def test_row_86_another_merchant_currency_or_amount_is_409_and_an_incident(change: dict[str, str]):
    """Authentic word that contradicts us."""
    assert refused(judged(signed_union(**change))) == (409, "AMOUNT_MISMATCH", "incident.money")


def test_rows_85_to_87_are_answered_as_the_books_judge():
    """Repeat and late are 200, an unknown order 503, another amount 409, nothing known in time 503."""
    for code in ("POSTED", "RESULT_REPEATED", "LATE", "PAID_AFTER_CLOSE"):
        assert notice_answer(reply(code)) == RECEIVED
    for code, status in (("ORDER_UNKNOWN", 503), ("AMOUNT_MISMATCH", 409), ("REFUND_EXCEEDS", 409)):
        found = notice_answer(reply(code, refused=True))
        assert (found.status, json.loads(found.body)["code"]) == (status, code)
    late = notice_answer(None)
    assert (late.status, json.loads(late.body)["code"]) == (503, "HUB_BUSY")


def test_every_refusal_of_the_books_has_a_status():
    """Whatever reason a lane names."""
    for reason in Reason:
        found = notice_answer(reply(reason, refused=True))
        assert found.status in {REASONS[reason].status, 409, 503}


def test_row_87_a_resend_is_the_same_command_and_another_notice_is_not():
    """merId, orderId, txnTime and txnType are the key; a notice of a refund or another order is another command."""
    first, again = judged(signed_union()), judged(signed_union(respMsg="again", traceNo="2"))
    assert isinstance(first, Inbound)
    assert isinstance(again, Inbound)
    assert (first.id, first.content_hash) == (again.id, again.content_hash)
    for change in ({"orderId": OTHER_ORDER}, {"txnAmt": "811"}, {"txnType": "04"}):
        other = judged(signed_union(**change))
        assert isinstance(other, Inbound)
        assert other.id != first.id

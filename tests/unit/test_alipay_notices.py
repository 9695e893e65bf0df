"""Alipay's notices, row by row of section 11: exact status and body, and what reaches the books (protocols 5.2)."""

from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from payments_world import (
    ACCOUNT,
    APP,
    FORM,
    ORDER,
    OTHER_ORDER,
    alipay,
    form,
    joined,
    reply,
    rsa_key,
    signature,
    trade,
)
from payments_world import signed_trade as signed

from adapters.alipay.notice import BODY_BYTES_MAX, read_notice
from adapters.alipay.translation import SUCCESS, notice_answer, translate
from hub.runtime.wire import HttpAnswer, Inbound, Refusal
from schemas.commands import NoteAgreementEnd, ReceiveNotice
from schemas.reasons import Reason

TERMS = ("TRADE_SUCCESS", "TRADE_FINISHED", "TRADE_CLOSED", "WAIT_BUYER_PAY")


def judged(body: bytes | dict[str, str], content_type: str = FORM, **settings: Any) -> Inbound | Refusal | HttpAnswer:
    """Return what the hub makes of a notice."""
    access = replace(alipay(), **settings)
    fields = read_notice(access, body if isinstance(body, bytes) else form(body), content_type)
    return fields if isinstance(fields, Refusal) else translate(access, fields)


def refused(found: object) -> tuple[int, bytes, str, str | None]:
    """Return status, body, reason and dead letter of a refusal."""
    assert isinstance(found, Refusal)
    assert found.content_type == "text/plain"
    return found.status, found.body, found.reason, found.interface


def booked(found: object) -> ReceiveNotice:
    """Return the notice that goes to the books."""
    assert isinstance(found, Inbound)
    assert isinstance(found.body, ReceiveNotice)
    return found.body


def test_a_good_notice_reaches_its_orders_account():
    """Number, status, fen, delivery and trade number; the time is Beijing's."""
    found = judged(signed(gmt_payment="2026-07-03 23:00:04", buyer_id="2088", fund_bill_list="[]"))
    assert isinstance(found, Inbound)
    assert (found.account, found.source, found.receipt_key) == (ACCOUNT, "alipay@main", "alipay|N1")
    assert booked(found) == ReceiveNotice(
        channel="alipay",
        order_no=ORDER,
        status="paid",
        amount_fen=810,
        notice_id="N1",
        trade_no="2026070322001400000000000001",
        happened_at=1_783_090_804_000,
    )


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain", ""])
def test_row_66_another_form_is_415(content_type: str):
    """Only a form is read."""
    assert refused(judged(signed(), content_type)) == (415, b"fail", "BODY", "pay")


def test_row_66_content_type_parameters_and_case_do_not_matter():
    """`application/x-www-form-urlencoded; text/html; charset=utf-8` is what Alipay really sends."""
    assert booked(judged(signed(), "Application/X-WWW-Form-URLencoded; text/html; charset=utf-8")).status == "paid"


def test_row_66_over_64_kib_is_413():
    """64 KiB are read, one byte more is not."""
    body = form(signed())
    exact = body + b"&x=" + b"a" * (BODY_BYTES_MAX - len(body) - 3)
    assert refused(judged(exact))[0] == 403
    assert refused(judged(exact + b"a")) == (413, b"fail", "BODY", "pay")


@pytest.mark.parametrize("again", [b"&total_amount=8.10", b"&total_amount=0.01", b"&total%5Famount=8.10", b"&sign=x"])
def test_row_67_a_parameter_twice_is_refused(again: bytes):
    """The first, the last and both would be three different notices; a quoted name is the same name."""
    assert refused(judged(form(signed()) + again)) == (400, b"fail", "PARAM_DUPLICATE", "pay")


@pytest.mark.parametrize("change", [{"sign": ""}, {"sign": "not base64!"}, {"sign": "a"}])
def test_row_68_a_missing_or_garbled_sign_is_refused(change: dict[str, str]):
    """403 and not repaired."""
    assert refused(judged({**signed(), **change})) == (403, b"fail", "SIGN_MISSING", "pay")
    fields = {name: value for name, value in signed().items() if name != "sign"}
    assert refused(judged(fields)) == (403, b"fail", "SIGN_MISSING", "pay")


def test_row_68_a_plus_that_was_not_quoted_is_a_blank_and_refused():
    """An unquoted `+` of the signature arrives as a blank; guessing it back would accept two spellings."""
    for number in range(40):
        fields = signed(notify_id=f"N{number}")
        if "+" in fields["sign"]:
            body = form({**fields, "sign": "%"}).replace(b"%25", fields["sign"].encode().replace(b"=", b"%3D"))
            assert refused(judged(body)) == (403, b"fail", "SIGN_MISSING", "pay")
            return
    pytest.fail("no signature with a plus among 40")


@pytest.mark.parametrize("name", [name for name in trade() if name != "charset"])
def test_row_69_each_field_is_signed(name: str):
    """One character more in any field breaks the signature, except that sign_type has its own row."""
    fields = signed()
    assert refused(judged({**fields, name: fields[name] + "1"})) == (403, b"fail", "SIGN_INVALID", "pay")


def test_row_69_a_field_added_or_taken_away_breaks_the_signature():
    """Unknown fields are signed too, empty ones included."""
    assert refused(judged({**signed(), "buyer_id": "1"}))[2] == "SIGN_INVALID"
    assert refused(judged({**signed(), "body": ""}))[2] == "SIGN_INVALID"
    fields = signed(buyer_id="1")
    assert refused(judged({name: fields[name] for name in fields if name != "buyer_id"}))[2] == "SIGN_INVALID"
    assert booked(judged(fields)).status == "paid"


def with_sign_type_kept() -> dict[str, str]:
    """Return a notice whose signature covers sign_type."""
    fields = trade() | {"sign_type": "RSA2"}
    return fields | {"sign": signature(rsa_key("alipay"), joined(fields, "sign", keep_empty=True).encode())}


def test_row_69_a_signature_over_sign_type_counts_only_where_the_endpoint_says_so():
    """A setting of the endpoint; the two rules are never tried one after the other."""
    assert refused(judged(with_sign_type_kept())) == (403, b"fail", "SIGN_INVALID", "pay")
    assert booked(judged(with_sign_type_kept(), keep_sign_type=True)).status == "paid"
    assert refused(judged(signed(), keep_sign_type=True))[2] == "SIGN_INVALID"


def test_row_69_empty_values_count_unless_the_endpoint_drops_them():
    """Likewise a setting."""
    fields = {**trade(), "body": ""}
    dropped = fields | {"sign_type": "RSA2", "sign": signature(rsa_key("alipay"), joined(fields).encode())}
    assert refused(judged(dropped))[2] == "SIGN_INVALID"
    assert booked(judged(dropped, keep_empty=False)).status == "paid"


def test_row_69_our_own_key_signs_no_notice():
    """A notice signed with the merchant's key is refused."""
    fields = trade()
    text = joined(fields, keep_empty=True).encode()
    forged = fields | {"sign_type": "RSA2", "sign": signature(rsa_key("merchant"), text)}
    assert refused(judged(forged)) == (403, b"fail", "SIGN_INVALID", "pay")


@pytest.mark.parametrize("sign_type", ["RSA", "rsa2", "RSA2 ", "", "SM2"])
def test_row_70_another_sign_type_is_a_downgrade(sign_type: str):
    """Only RSA2, exactly."""
    assert refused(judged({**signed(), "sign_type": sign_type})) == (403, b"fail", "SIGN_DOWNGRADE", "pay")


def test_row_70_sha_1_under_rsa2_is_a_downgrade():
    """The verifier never takes the hash from the signature."""
    fields = trade()
    made = signature(rsa_key("alipay"), joined(fields, keep_empty=True).encode(), hashes.SHA1())  # noqa: S303
    assert refused(judged(fields | {"sign_type": "RSA2", "sign": made})) == (403, b"fail", "SIGN_DOWNGRADE", "pay")


@pytest.mark.parametrize("charset", ["big5", "utf-16", "ascii", "", "\u0130", "utf\u20108"])
def test_row_71_another_charset_is_refused(charset: str):
    """utf-8 and GBK; the name itself is ASCII."""
    assert refused(judged(form({**signed(), "charset": charset}))) == (400, b"fail", "CHARSET", "pay")


@pytest.mark.parametrize("bad", [b"%FF", b"%C0%AF", b"%ED%A0%80", b"\xff"])
def test_row_71_bytes_that_do_not_decode_are_refused(bad: bytes):
    """Broken, overlong and surrogate UTF-8, quoted or bare, in a value or a name."""
    assert refused(judged(form(signed()) + b"&x=" + bad)) == (400, b"fail", "CHARSET", "pay")
    assert refused(judged(form(signed()) + b"&" + bad + b"=x")) == (400, b"fail", "CHARSET", "pay")


@pytest.mark.parametrize("subject", ["医疗信用付", "㐀㐁 𠀀", "a+b=c%41 &", "\u00e9\u20ac"])
@pytest.mark.parametrize(("charset", "codec"), [("utf-8", "utf-8"), ("GBK", "gb18030"), ("gbk", "gb18030")])
def test_both_charsets_are_decoded_once(charset: str, codec: str, subject: str):
    """Rare names in four-byte GB18030, and texts that look quoted themselves."""
    body = form(signed(codec, charset=charset, subject=subject), codec)
    assert booked(judged(body)).status == "paid"


def test_a_notice_without_charset_is_utf_8():
    """The default of the interface."""
    assert booked(judged(signed(charset=""))).status == "paid"


@pytest.mark.parametrize("change", [{"app_id": "2021000000000002"}, {"seller_id": "2088000000000002"}, {"app_id": ""}])
def test_row_72_a_foreign_notice_with_a_good_signature_is_an_incident(change: dict[str, str]):
    """Authentic, but not for us."""
    assert refused(judged(signed(**change))) == (403, b"fail", "FOREIGN_NOTICE", "incident.money")


@pytest.mark.parametrize("number", ["XM2026070300000001", "", ORDER[:-1], ORDER.lower(), ORDER + "0", ORDER[:26]])
def test_row_73_a_number_that_cannot_be_ours_is_an_incident(number: str):
    """The account is part of our numbers; one that exists in form only is judged by the books."""
    found = judged(signed(out_trade_no=number) if number else signed(out_trade_no=""))
    assert refused(found) == (409, b"fail", "ORDER_UNKNOWN", "incident.money")


def test_rows_73_74_76_77_78_are_answered_as_the_books_judge():
    """The lane's outcome becomes the exact status: repeat, late and paid after close are `success`."""
    for code in ("POSTED", "RECORDED", "RESULT_REPEATED", "LATE", "PAID_AFTER_CLOSE"):
        assert notice_answer(reply(code)) == HttpAnswer(200, b"success")
    for code, status in (("ORDER_UNKNOWN", 409), ("AMOUNT_MISMATCH", 409), ("REFUND_EXCEEDS", 409)):
        assert notice_answer(reply(code, refused=True)) == HttpAnswer(status, b"fail")


@pytest.mark.parametrize(
    "amount", ["8.1E0", "+8.10", "8.100001", "8,10", " 8.10", "\uff18.10", "-8.10", "", ".5", "8."]
)
def test_row_75_an_amount_out_of_form_is_refused(amount: str):
    """400 although the signature is good; negative amounts too."""
    assert refused(judged(signed(total_amount=amount))) == (400, b"fail", "AMOUNT_SYNTAX", "pay")
    if amount:
        found = judged(signed(refund_fee=amount))
        assert refused(found) == (400, b"fail", "AMOUNT_SYNTAX", "pay")


@pytest.mark.parametrize(("text", "fen"), [("8.10", 810), ("8.1", 810), ("8", 800), ("0.01", 1), ("8.1000", 810)])
def test_amounts_in_form_become_fen(text: str, fen: int):
    """More decimals count when they are zeros."""
    assert booked(judged(signed(total_amount=text))).amount_fen == fen


def test_row_76_a_resend_is_the_same_command_and_another_notice_is_not():
    """`notify_id` names the delivery; other content under it is a conflict, another order another command."""
    first, again = judged(signed()), judged(signed(notify_time="2026-07-03 23:04:05"))
    assert isinstance(first, Inbound)
    assert isinstance(again, Inbound)
    assert (first.id, first.content_hash) == (again.id, again.content_hash)
    altered = judged(signed(total_amount="8.11"))
    assert isinstance(altered, Inbound)
    assert (altered.id == first.id, altered.content_hash == first.content_hash) == (True, False)
    other = judged(signed(notify_id="N2"))
    assert isinstance(other, Inbound)
    assert other.id != first.id


def test_row_76_without_a_notify_id_the_content_is_the_key():
    """Two orders must not share one command."""
    one, two = judged(signed(notify_id="")), judged(signed(notify_id="", out_trade_no=OTHER_ORDER))
    assert isinstance(one, Inbound)
    assert isinstance(two, Inbound)
    assert one.id != two.id


def test_row_79_not_durable_in_time_is_503():
    """The notice comes again."""
    assert notice_answer(None) == HttpAnswer(503, b"fail")


@pytest.mark.parametrize(
    ("status", "refund", "expected"),
    [
        ("WAIT_BUYER_PAY", "", "waiting"),
        ("TRADE_SUCCESS", "", "paid"),
        ("TRADE_SUCCESS", "2.50", "paid"),
        ("TRADE_CLOSED", "", "closed"),
        ("TRADE_CLOSED", "0.00", "closed"),
        ("TRADE_CLOSED", "8.10", "refunded"),
        ("TRADE_FINISHED", "", "finished"),
    ],
)
def test_each_status_with_and_without_a_refund(status: str, refund: str, expected: str):
    """The columns of the transition table; the refund is cumulative and its number comes along."""
    changes = {"refund_fee": refund, "out_biz_no": "R1"} if refund else {}
    notice = booked(judged(signed(trade_status=status, **changes)))
    assert notice.status == expected
    assert notice.refunded_fen == (int(refund.replace(".", "")) if refund else None)
    assert notice.refund_no == ("R1" if refund else "")


@pytest.mark.parametrize("change", [{"trade_status": "TRADE_PENDING"}, {"notify_type": "fund_auth_freeze"}])
def test_an_authentic_notice_of_an_unknown_kind_is_success(change: dict[str, str]):
    """Stored and answered by the edge; nothing is booked."""
    assert judged(signed(**change)) == SUCCESS


def test_a_signed_off_agreement_reaches_its_account():
    """`external_agreement_no` is ours and begins with the account; seller_id is not sent then."""
    fields = signed(
        notify_type="dut_user_unsign", external_agreement_no=ORDER, agreement_no="AG1", status="UNSIGN",
        seller_id="", out_trade_no="", total_amount="", trade_status="",
    )  # fmt: skip
    found = judged(fields)
    assert isinstance(found, Inbound)
    assert found.account == ACCOUNT
    assert isinstance(found.body, NoteAgreementEnd)
    assert found.body.channel_agreement == "AG1"
    foreign = signed(notify_type="dut_user_unsign", external_agreement_no="theirs", agreement_no="AG1")
    assert judged(foreign) == SUCCESS


@pytest.mark.parametrize("hidden", ["refund_fee", "seller_id", "out_trade_no", "total_amount", "trade_status"])
def test_a_field_merged_into_its_neighbour_is_refused_although_the_signature_fits(hidden: str):
    """`a=1%26b%3D2` has the base string of `a=1&b=2`: on the way a refund could be hidden inside another value."""
    fields = signed(receipt_amount="8.10", refund_fee="8.10")
    ordered = [name for name in sorted(fields) if name not in ("sign", "sign_type")]
    before = ordered[ordered.index(hidden) - 1]
    merged = {name: value for name, value in fields.items() if name != hidden}
    merged[before] += f"&{hidden}={fields[hidden]}"
    assert joined(merged, "sign", "sign_type", keep_empty=True) == joined(fields, "sign", "sign_type", keep_empty=True)
    assert refused(judged(merged)) == (403, b"fail", "SIGN_INVALID", "pay")


def test_every_refusal_of_the_books_has_a_status_and_fail():
    """Whatever reason a lane names, the answer is `fail` with the registry's status."""
    for reason in Reason:
        found = notice_answer(reply(reason, refused=True))
        assert (found.body, 200 <= found.status < 600) == (b"fail", True), reason


def test_the_app_id_of_the_samples_is_ours():
    """The tests above change one thing each from a notice that is believed."""
    assert trade()["app_id"] == APP
    assert {booked(judged(signed(trade_status=term))).status for term in TERMS} == {
        "paid", "finished", "closed", "waiting",
    }  # fmt: skip

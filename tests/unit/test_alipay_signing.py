"""Alipay's base strings, RSA2, the raw text of answers, and our requests (protocols 5.1, 5.2)."""

import base64
import hashlib
import json
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from payments_world import ACCOUNT, ORDER, REFUND, alipay, joined, rsa_key, signature

from adapters.alipay.beijing import instant_of, text_of
from adapters.alipay.calls import PAY, QUERY, REFUND_QUERY, debit_request, query_request, refund_request
from adapters.alipay.raw_json import raw_members
from adapters.alipay.signature import decode_signature, downgraded, notice_base, request_base, sign, verifies
from schemas.errands import DebitErrand, QueryErrand, RefundErrand

NOTICE = (
    "app_id=2021000000000001&charset=utf-8&notify_id=2026070300222120000000000000000001&notify_time=2026-07-03 23:00:05"
    "&notify_type=trade_status_sync&out_trade_no=XM2026070300000001&seller_id=2088000000000001"
    "&subject=医疗信用付 7月3日&total_amount=8.10&trade_no=2026070322001400000000000001"
    "&trade_status=TRADE_SUCCESS&version=1.0"
)
FIELDS = dict(part.split("=", 1) for part in reversed(NOTICE.split("&")))
NOW = 1_783_090_805_123  # 2026-07-03 23:00:05.123 in Beijing
DEBIT = DebitErrand(
    "e1", ACCOUNT, "bill", "alipay", "AG1", ORDER, 810, 2, NOW, NOW + 300_000, NOW + 240_000
)  # fmt: skip


def test_the_base_string_of_a_notice_is_the_shared_example():
    """5.2: `sign` and `sign_type` leave, the rest is sorted and joined unencoded; the digest is the printed one."""
    base = notice_base({**FIELDS, "sign": "x", "sign_type": "RSA2"}, keep_sign_type=False, keep_empty=True)
    assert base == NOTICE
    assert hashlib.sha256(base.encode()).hexdigest() == (
        "593f7278b82662317335cf6ccd853872427c4b60009a17a18a95af3ec30e71fc"
    )


def test_the_switches_of_an_endpoint_change_the_base_string():
    """Old endpoints keep `sign_type`; empty values are kept by default and dropped by the other switch."""
    fields = {"b": "", "a": "1", "sign": "x", "sign_type": "RSA2"}
    assert notice_base(fields, keep_sign_type=False, keep_empty=True) == "a=1&b="
    assert notice_base(fields, keep_sign_type=False, keep_empty=False) == "a=1"
    assert notice_base(fields, keep_sign_type=True, keep_empty=False) == "a=1&sign_type=RSA2"


def test_a_request_signs_its_sign_type():
    """5.1: unlike a notice, and without empty values and `sign`."""
    assert request_base({"sign_type": "RSA2", "b": "", "a": "1", "sign": "x"}) == "a=1&sign_type=RSA2"


def test_keys_are_sorted_by_their_bytes():
    """Capitals before small letters, `_` between them."""
    assert request_base({"b": "1", "B": "2", "a_b": "3", "ab": "4"}) == "B=2&a_b=3&ab=4&b=1"


def test_rsa2_is_sha_256_and_nothing_else():
    """A SHA-1 or SHA-512 signature of the same key does not verify; the SHA-1 one is recognised as a downgrade."""
    key = rsa_key("alipay")
    public, content = key.public_key(), NOTICE.encode()
    assert verifies(public, content, base64.b64decode(sign(key, content)))
    sha1 = base64.b64decode(signature(key, content, hashes.SHA1()))  # noqa: S303  # the attack itself
    sha512 = base64.b64decode(signature(key, content, hashes.SHA512()))
    assert not verifies(public, content, sha1)
    assert not verifies(public, content, sha512)
    assert downgraded(public, content, sha1)
    assert not downgraded(public, content, sha512)
    assert not downgraded(public, content, base64.b64decode(sign(key, content)))
    assert not verifies(public, content + b"x", base64.b64decode(sign(key, content)))
    assert not verifies(rsa_key("merchant").public_key(), content, base64.b64decode(sign(key, content)))


@pytest.mark.parametrize("text", ["", "ab cd", "abcd\n", "ab=c", "abc", "abc!", "\u00e9", "\ud800", "===="])
def test_a_signature_that_is_no_base64_is_not_repaired(text: str):
    """Row 68: a blank where a `+` stood is refused like any other garbage."""
    assert decode_signature(text) is None


RAW: dict[str, tuple[str, str | None]] = {
    "plain": ('{"a_response":{"code":"10000"},"sign":"x"}', '{"code":"10000"}'),
    "brace in a text": ('{"a_response":{"m":"}"},"sign":"x"}', '{"m":"}"}'),
    "quote in a text": (r'{"a_response":{"m":"\"}{"},"sign":"x"}', r'{"m":"\"}{"}'),
    "backslash before the end": (r'{"a_response":{"m":"\\"},"sign":"x"}', r'{"m":"\\"}'),
    "escaped letters": (r'{"a_response":{"m":"\u007d\u0022"},"sign":"x"}', r'{"m":"\u007d\u0022"}'),
    "nested": ('{"a_response":{"m":{"n":[{"o":"}"}]}},"sign":"x"}', '{"m":{"n":[{"o":"}"}]}}'),
    "blanks": ('{ "a_response" : { "code" : "1" } , "sign" : "x" }\n', '{ "code" : "1" }'),
    "slash written plainly": ('{"a_response":{"u":"http:\\/\\/x"},"sign":"x"}', '{"u":"http:\\/\\/x"}'),
    "sign first": ('{"sign":"x","a_response":{"code":"1"}}', '{"code":"1"}'),
    "name inside a text first": (
        '{"note":"\\"a_response\\":{\\"forged\\":1}","a_response":{"code":"1"}}',
        '{"code":"1"}',
    ),
    "name inside another object first": ('{"x":{"a_response":{"forged":1}},"a_response":{"code":"1"}}', '{"code":"1"}'),
    "only inside another object": ('{"x":{"a_response":{"forged":1}},"sign":"x"}', None),
    "name as a value": ('{"x":"a_response","a_response":{"code":"1"}}', '{"code":"1"}'),
    "an escaped name": ('{"a\\u005fresponse":{"code":"1"},"sign":"x"}', '{"code":"1"}'),
    "twice": ('{"a_response":{"code":"1"},"a_response":{"code":"2"}}', None),
    "never closed": ('{"a_response":{"code":"1"', None),
    "text never closed": ('{"a_response":{"code":"1}', None),
    "more after it": ('{"a_response":{"code":"1"}}{"b":1}', None),
    "a list": ('[{"a_response":{"code":"1"}}]', None),
    "nothing": ("", None),
    "an empty object": ("{}", None),
    "an empty object and more": ("{}x", None),
    "no colon": ('{"a_response"{"code":"1"}}', None),
    "no comma": ('{"a_response":{"code":"1"}"sign":"x"}', None),
    "a comma too many": ('{"a_response":{"code":"1"},}', None),
    "control character": ('{"a_response":{"m":"\n"}}', None),
    "a ladder": ('{"a_response":' + "[" * 100_000, None),
    "a number without end": ('{"a_response":' + "9" * 5000 + "}", None),
}


@pytest.mark.parametrize("name", RAW)
def test_the_raw_text_is_the_member_as_received(name: str):
    """5.1: strings and escapes are respected; only one member of that name, at the top, counts."""
    text, expected = RAW[name]
    assert (raw_members(text) or {}).get("a_response") == expected


def content_of(request: dict[str, str]) -> dict[str, Any]:
    """Return the business content after checking that the whole request is signed."""
    base = joined(request, "sign")
    assert request["sign_type"] == "RSA2"
    assert verifies(rsa_key("merchant").public_key(), base.encode(), base64.b64decode(request["sign"]))
    found: dict[str, Any] = json.loads(request["biz_content"])
    return found


def test_a_debit_request_is_the_contracts():
    """5.3: product, agreement, yuan text, the one absolute expiry and the attempt; common parameters of 5.1."""
    request = debit_request(alipay(), DEBIT, NOW)
    assert content_of(request) == {
        "out_trade_no": ORDER,
        "total_amount": "8.10",
        "subject": "信用就医",
        "product_code": "GENERAL_WITHHOLDING",
        "agreement_params": {"agreement_no": "AG1"},
        "time_expire": text_of(DEBIT.expires_wall_at),
        "passback_params": "attempt.2",
    }
    common = {name: request[name] for name in ("app_id", "method", "format", "charset", "timestamp", "version")}
    assert common == {
        "app_id": "2021000000000001",
        "method": PAY,
        "format": "JSON",
        "charset": "utf-8",
        "timestamp": "2026-07-03 23:00:05",
        "version": "1.0",
    }
    assert request["notify_url"] == "http://ours"
    assert "" not in request.values()


def test_the_same_errand_later_asks_for_the_same_order():
    """A repeat differs in `timestamp` and `sign` only: number, amount and expiry stay."""
    first, later = debit_request(alipay(), DEBIT, NOW), debit_request(alipay(), DEBIT, NOW + 60_000)
    assert {name for name in first if first[name] != later[name]} == {"timestamp", "sign"}


def test_queries_and_refunds_carry_the_numbers_only_they_need():
    """5.3: a query names the order; a refund its own number and amount; the question about it the number alone."""
    query = query_request(alipay(), QueryErrand("q", ACCOUNT, "alipay", ORDER, 810, NOW, NOW), NOW)
    assert (query["method"], content_of(query)) == (QUERY, {"out_trade_no": ORDER})
    assert "notify_url" not in query
    refund = RefundErrand("r", ACCOUNT, "alipay", ORDER, "T1", REFUND, 250, NOW, query=False)
    assert content_of(refund_request(alipay(), refund, NOW))["refund_amount"] == "2.50"
    asked = refund_request(alipay(), msgspec.structs.replace(refund, query=True), NOW)
    assert (asked["method"], content_of(asked)) == (REFUND_QUERY, {"out_trade_no": ORDER, "out_request_no": REFUND})


def test_times_are_beijings():
    """Text of an instant and back; anything else is 0, also a time before the year 1 in UTC."""
    assert text_of(NOW) == "2026-07-03 23:00:05"
    assert instant_of("2026-07-03 23:00:05") == NOW // 1000 * 1000
    assert [instant_of(text) for text in ("", "2026-07-03", "2026-02-30 00:00:00", "x" * 19)] == [0, 0, 0, 0]
    assert instant_of("0001-01-01 00:00:00") == 0

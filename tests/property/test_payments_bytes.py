"""Any bytes from a gateway or the score feed: an answer or a refusal of the table, never an exception, never money."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from payments_world import (
    FORM,
    ORDER,
    REFUND,
    alipay,
    answer,
    form,
    plain,
    rsa_key,
    signature,
    signed_trade,
    signed_union,
    union,
    unionpay,
)

from adapters.alipay import notice as alipay_notice
from adapters.alipay import translation as alipay_translation
from adapters.alipay.answers import read_answer as read_alipay
from adapters.alipay.calls import PAY, QUERY, REFUND_QUERY
from adapters.alipay.calls import REFUND as REFUND_METHOD
from adapters.alipay.raw_json import raw_members
from adapters.sandbox.score_sender import Head, SenderKeys, build_message
from adapters.scores.access import FeedAccess
from adapters.scores.translation import receive
from adapters.unionpay import notice as union_notice
from adapters.unionpay import translation as union_translation
from adapters.unionpay.answers import debit_answer, query_answer, refund_answer, refund_query_answer
from adapters.unionpay.answers import read_answer as read_union
from adapters.unionpay.text import TextError, split_pairs
from hub.policies import load_policies
from hub.runtime.guomi import Key, KeyRing, Kind, SoftwareProvider, State
from hub.runtime.guomi.sm2 import point_to_hex
from hub.runtime.guomi.sm2_tongsuo import TongsuoSm2
from hub.runtime.score_sources import load_score_sources
from hub.runtime.wire import HttpAnswer, Inbound, Refusal

TRADE, UNION = form(signed_trade()), form(signed_union())
ANSWER = answer(PAY, {"code": "10000", "out_trade_no": ORDER, "total_amount": "8.10", "trade_no": "T1"})
QUERIED = plain(signed_union(origRespCode="00"))
METHODS = st.sampled_from([PAY, QUERY, REFUND_METHOD, REFUND_QUERY])
FORM_BYTES = st.lists(
    st.sampled_from([b"a", b"sign", b"charset", b"=", b"&", b"%", b"%FF", b"%2", b"+", b"\xe4", b"GBK"])
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=8), each, max_size=3),
    max_leaves=8,
)
WORDS = ("code", "sub_code", "out_trade_no", "out_request_no", "trade_no", "total_amount", "refund_fee")
STATES = ("trade_status", "fund_change", "refund_status")
CONTENTS = st.dictionaries(st.sampled_from(WORDS + STATES), JSON | st.sampled_from(["10000", "40004", ORDER, "8.10"]))
SECRET = 0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8
SENDER = SenderKeys("k2", "k4", f"{SECRET:064x}", "0123456789abcdeffedcba9876543210")
RING = KeyRing(
    (
        Key("k4", Kind.SM4, "egret", State.ACTIVE, SENDER.sm4_key),
        Key("k2", Kind.SM2_PUBLIC, "egret", State.ACTIVE, point_to_hex(TongsuoSm2().public_point(SECRET))),
    )
)
EGRET = next(iter(load_score_sources()))
FEED, POLICIES, NOW = FeedAccess(SoftwareProvider(RING), EGRET), load_policies(), 1_782_869_400_000
HEAD = Head("SCORE_PUSH", "score", 7, "2026-07-01T09:30:00+08:00", "01J1QW8Z5T6K3N9V2B4C7D8E0F")
FEED_STATUSES = {400, 403, 409, 413, 422}
QUICK = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])


def alipay_judged(body: bytes, content_type: str = FORM) -> Inbound | Refusal | HttpAnswer:
    """Return what the hub makes of bytes at Alipay's address."""
    fields = alipay_notice.read_notice(alipay(), body, content_type)
    return fields if isinstance(fields, Refusal) else alipay_translation.translate(alipay(), fields)


def union_judged(body: bytes, content_type: str = FORM) -> Inbound | Refusal | HttpAnswer:
    """Return what the hub makes of bytes at UnionPay's address."""
    fields = union_notice.read_notice(unionpay(), body, content_type)
    return fields if isinstance(fields, Refusal) else union_translation.translate(unionpay(), fields)


def altered(whole: bytes, at: int, other: int) -> bytes:
    """Return the bytes with one of them another."""
    where = at % len(whole)
    return whole[:where] + bytes((other,)) + whole[where + 1 :]


@given(body=st.binary(max_size=200) | FORM_BYTES.map(b"".join), content_type=st.sampled_from([FORM, "text/plain"]))
@QUICK
def test_any_bytes_at_a_notices_address_are_refused(body: bytes, content_type: str):
    """Nothing unsigned is believed; each refusal has the bytes that make the gateway send again."""
    first, second = alipay_judged(body, content_type), union_judged(body, content_type)
    assert isinstance(first, Refusal)
    assert isinstance(second, Refusal)
    assert (first.status in {400, 403, 413, 415}, first.body) == (True, b"fail")
    assert (second.status in {400, 403, 413, 415}, json.loads(second.body)["code"]) == (True, second.reason)


@given(at=st.integers(0, 100_000), other=st.integers(0, 255))
@QUICK
def test_one_altered_byte_of_a_notice_never_makes_other_money(at: int, other: int):
    """Either it reads as the very same notice (another spelling of its quoting) or it is refused."""
    for whole, judge in ((TRADE, alipay_judged), (UNION, union_judged)):
        good, found = judge(whole), judge(altered(whole, at, other))
        assert isinstance(found, Refusal) or found == good


@given(fields=st.dictionaries(st.sampled_from(sorted(signed_trade())), st.text(max_size=20)))
@QUICK
def test_a_signed_notice_of_any_content_is_judged(fields: dict[str, str]):
    """The gateway's own signature over odd values: a command, `success` or a refusal."""
    usable = {name: value for name, value in fields.items() if name not in ("sign", "sign_type", "charset")}
    usable = {name: value.encode("utf-8", "ignore").decode() for name, value in usable.items()}
    found = alipay_judged(form(signed_trade(**usable)))
    assert isinstance(found, (Inbound, Refusal, HttpAnswer))


@given(fields=st.dictionaries(st.sampled_from(sorted(union())), st.text(max_size=20)))
@QUICK
def test_a_signed_back_notice_of_any_content_is_judged(fields: dict[str, str]):
    """Likewise at UnionPay's address, times and certificates included; and in an answer."""
    usable = {name: value.encode("utf-8", "ignore").decode() for name, value in fields.items()}
    signed = signed_union(**usable)
    assert isinstance(union_judged(form(signed)), (Inbound, Refusal, HttpAnswer))
    for reader in (debit_answer, query_answer, refund_answer, refund_query_answer):
        read_union(unionpay(), plain(signed), ORDER, reader)


@given(body=st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace")))
@QUICK
def test_any_bytes_as_an_answer_are_unknown(body: bytes):
    """Row 80 and row 88 for whatever a gateway or somebody before it says."""
    for method in (PAY, QUERY, REFUND_METHOD, REFUND_QUERY):
        assert read_alipay(alipay(), method, body, ORDER, REFUND).meaning.status == "unknown"
    for reader in (debit_answer, query_answer, refund_answer, refund_query_answer):
        assert read_union(unionpay(), body, ORDER, reader).meaning.status == "unknown"


@given(at=st.integers(0, 100_000), other=st.integers(0, 255))
@QUICK
def test_one_altered_byte_of_an_answer_never_changes_what_it_says(at: int, other: int):
    """Unknown with a fault, or the same word (blanks and line ends around the signed text do not count)."""
    good = read_alipay(alipay(), PAY, ANSWER, ORDER)
    found = read_alipay(alipay(), PAY, altered(ANSWER, at, other), ORDER)
    assert found == good or (found.meaning.status == "unknown" and found.fault)
    union_good = read_union(unionpay(), QUERIED, ORDER, query_answer)
    union_found = read_union(unionpay(), altered(QUERIED, at, other), ORDER, query_answer)
    assert union_found == union_good or (union_found.meaning.status == "unknown" and union_found.fault)


@given(method=METHODS, content=CONTENTS)
@QUICK
def test_a_signed_answer_of_any_content_is_read(method: str, content: dict[str, Any]):
    """Odd types and values under a good signature; paid only with our number and an amount."""
    raw = json.dumps(content)
    reading = read_alipay(alipay(), method, answer(method, raw), ORDER, REFUND)
    if reading.meaning.status == "paid":
        assert content["out_trade_no"] == ORDER
        assert reading.amount_fen is not None
    (reading.code + reading.trade_no).encode()


@given(members=st.dictionaries(st.text(max_size=6), JSON, max_size=4), indent=st.sampled_from([None, 0, 2]))
def test_the_raw_members_are_the_texts_between_the_commas(members: dict[str, Any], indent: int | None):
    """Reading each raw text gives the member's value, however the whole was written."""
    text = json.dumps(members, indent=indent)
    found = raw_members(text)
    assert found is not None
    assert {name: json.dumps(json.loads(raw)) for name, raw in found.items()} == {
        name: json.dumps(value) for name, value in members.items()
    }
    assert all(raw in text for raw in found.values())


@given(text=st.text(max_size=60) | st.text(alphabet='{}[]",:\\a1 ', max_size=40))
def test_raw_members_reads_what_json_reads_and_nothing_else(text: str):
    """The reader and the library agree on what one object is."""
    found = raw_members(text)
    if found is not None:
        assert set(json.loads(text)) == set(found)


@given(pairs=st.dictionaries(st.text("abc", min_size=1, max_size=3), st.text("xy=&{}", max_size=8), max_size=4))
def test_texts_with_balanced_braces_are_split_as_they_were_joined(pairs: dict[str, str]):
    """Values in braces may hold anything balanced; what is not balanced is an error, never a wrong split."""
    wrapped = {name: f"{{{value}}}" for name, value in pairs.items()}
    text = "&".join(f"{name}={value}" for name, value in wrapped.items())
    balanced = all(_balanced(value) for value in pairs.values())
    try:
        assert split_pairs(text) == wrapped or not balanced
    except TextError:
        assert not balanced or not pairs


def _balanced(value: str) -> bool:
    depth = 0
    for character in value:
        depth += (character == "{") - (character == "}")
        if depth < 0:
            return False
    return depth == 0


@given(body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
@QUICK
def test_any_bytes_at_the_feeds_address_are_refused(body: bytes):
    """A refusal of the table."""
    found = receive(FEED, POLICIES, b"city", body, NOW)
    assert isinstance(found, Refusal)
    assert found.status in FEED_STATUSES


@given(content=JSON, changes=st.dictionaries(st.sampled_from(["subject", "authorization", "score"]), JSON))
@QUICK
def test_sealed_content_of_any_shape_is_judged(content: Any, changes: dict[str, Any]):
    """The authentic sender's odd content: a message for the feed or a refusal."""
    whole = {"subject": {"id_no": "350299199003070025", "id_type": "01"}, **changes}
    for sealed in (content, whole):
        message = build_message(SENDER, HEAD, json.dumps(sealed).encode())
        found = receive(FEED, POLICIES, b"city", json.dumps(message).encode(), NOW)
        assert isinstance(found, Inbound) or found.status in FEED_STATUSES


@given(name=st.sampled_from(["iv", "payload", "sig", "ts", "enc_kid", "sign_kid", "msg_id", "seq"]), value=JSON)
@QUICK
def test_a_field_replaced_by_anything_is_refused(name: str, value: Any):
    """Each field is signed or checked; nothing raises on the way."""
    message = build_message(SENDER, HEAD, b"{}")
    found = receive(FEED, POLICIES, b"city", json.dumps({**message, name: value}).encode(), NOW)
    assert isinstance(found, Refusal)
    assert found.status in FEED_STATUSES


def test_the_whole_notices_and_answers_are_good():
    """What is altered above is believed unaltered."""
    assert isinstance(alipay_judged(TRADE), Inbound)
    assert isinstance(union_judged(UNION), Inbound)
    assert read_alipay(alipay(), PAY, ANSWER, ORDER).meaning.status == "paid"
    assert read_union(unionpay(), QUERIED, ORDER, query_answer).meaning.status == "paid"
    assert signature(rsa_key("alipay"), b"x") != signature(rsa_key("signer"), b"x")

"""The score feed: its known-answer message end to end, and each refusal with exact status and code (protocols 8)."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from payments_world import reply

from adapters.sandbox.score_sender import Head, SenderKeys, build_message, hostile_message
from adapters.scores.access import FeedAccess
from adapters.scores.envelope import BODY_BYTES_MAX
from adapters.scores.translation import feed_answer, receive
from hub.policies import load_policies
from hub.runtime.guomi import Key, KeyRing, Kind, SoftwareProvider, State
from hub.runtime.score_sources import load_score_sources
from hub.runtime.wire import Inbound, Refusal
from schemas.commands import ObserveScore, ReceiveFeedMessage, RevokeConsent
from schemas.ids import account_id

PRIVATE = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"
PUBLIC = (
    "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
SM4_KEY = "0123456789abcdeffedcba9876543210"
SENDER = SenderKeys("egret-sm2-2026a", "egret-sm4-2026b", PRIVATE, SM4_KEY)
HEAD = Head("SCORE_PUSH", "score", 18342, "2026-07-01T09:30:00+08:00", "01J1QW8Z5T6K3N9V2B4C7D8E0F")
NOW = 1_782_869_400_000  # the message's ts
CITIZEN, CITY = "350299199003070025", b"city"
PLAIN = (
    '{"authorization":{"auth_id":"AU20260601-0007","expires_at":"2027-06-01T00:00:00+08:00","granted_at":'
    '"2026-06-01T09:00:00+08:00","scope":["medical_credit"]},"event":"UPDATE","score":{"computed_at":'
    '"2026-07-01T02:00:00+08:00","model":"egret-2026.1","valid_until":"2026-08-01T00:00:00+08:00","value":672},'
    '"subject":{"id_no":"350299199003070025","id_type":"01","name":"林晓岚"}}'
).encode()
PRINTED_SIG = "CMCE7jqiipLmmf60KSZ7b9ACXfOnN1h9us2+MU+R8L7lmzrrbao7HTCbvqSFq+SCH5sbe6fTNKRuC3lqtD2+4A=="
RING = (
    Key("egret-sm4-2026b", Kind.SM4, "egret", State.ACTIVE, SM4_KEY),
    Key("egret-sm2-2026a", Kind.SM2_PUBLIC, "egret", State.ACTIVE, PUBLIC),
    Key("raw-1", Kind.SM4, "raw", State.ACTIVE, "0f" * 16),
    Key("audit-1", Kind.SM2_PRIVATE, "audit", State.ACTIVE, PRIVATE),
)
EGRET = next(source for source in load_score_sources() if source.name == "egret")
ACCESS = FeedAccess(SoftwareProvider(KeyRing(RING)), EGRET)
POLICIES = load_policies()


def received(message: dict[str, Any] | bytes, wall: int = NOW, access: FeedAccess = ACCESS) -> Inbound | Refusal:
    """Return what the hub makes of a message."""
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return receive(access, POLICIES, CITY, body, wall)


def refused(found: object) -> tuple[int, str]:
    """Return status and code of a refusal: JSON, a message without content of the score, no bytes kept elsewhere."""
    assert isinstance(found, Refusal)
    body = json.loads(found.body)
    assert (found.content_type, found.interface, body["code"]) == ("application/json", "score", found.reason)
    assert "672" not in found.body.decode() + found.detail
    assert CITIZEN not in found.body.decode() + found.detail
    return found.status, found.reason


def feed(found: object) -> ReceiveFeedMessage:
    """Return the message for the feed's account."""
    assert isinstance(found, Inbound)
    assert isinstance(found.body, ReceiveFeedMessage)
    return found.body


def plain(change: Callable[[dict[str, Any]], object] = lambda _content: None) -> dict[str, Any]:
    """Return the known answer's content after a change in place."""
    content: dict[str, Any] = json.loads(PLAIN)
    change(content)
    return content


def message(content: dict[str, Any] | bytes = PLAIN, **head: Any) -> dict[str, Any]:
    """Return a validly sealed and signed message."""
    return build_message(SENDER, replace(HEAD, **head), content)


def test_the_known_answer_message_reaches_its_feed_with_the_printed_signature():
    """8.1 end to end: keys, iv, head, plain text and signature as printed become one command."""
    sent = build_message(SENDER, HEAD, PLAIN, iv=bytes(range(12))) | {"sig": PRINTED_SIG}
    found = received(sent)
    assert isinstance(found, Inbound)
    assert found.account == account_id(CITY, "feed", "XM-EGRET|score")
    assert (found.source, found.receipt_key) == ("egret@XM-EGRET", "XM-EGRET|01J1QW8Z5T6K3N9V2B4C7D8E0F")
    assert feed(found) == ReceiveFeedMessage(
        stream="score",
        sequence=18342,
        message_id="01J1QW8Z5T6K3N9V2B4C7D8E0F",
        payload_sm3="03fc5fb2da4774f411b92e315847d2710afa11ce2f4fbc00aa56d1e58297aad5",
        relay_account=account_id(CITY, "person", CITIZEN),
        message=ObserveScore(
            provider="egret",
            band=POLICIES.band("egret", 672),
            cut_points_hash=POLICIES.cut_points_hash("egret"),
            message_id="01J1QW8Z5T6K3N9V2B4C7D8E0F",
            computed_at=1_782_842_400_000,
            valid_until=1_785_513_600_000,
            sequence=18342,
            authorisation="AU20260601-0007",
            authorisation_from=1_780_275_600_000,
            authorisation_until=1_811_779_200_000,
            authorisation_scopes=("medical_credit",),
            source="egret",
        ),
    )
    assert found.content_hash == feed(found).payload_sm3


def test_neither_value_nor_id_number_nor_name_leaves_the_adapter():
    """The encoded command holds a band and account ids; hashes are taken out, in which digits stand by chance."""
    secret = {"value": 917, "model": "a model"}
    sent = message(plain(lambda content: content["score"].update(secret)), seq=5)
    found = received(sent)
    body = feed(found)
    encoded = (msgspec.json.encode(found) + msgspec.msgpack.encode(found) + repr(found).encode()).decode("latin-1")
    for noise in (body.payload_sm3, found.id, body.message.cut_points_hash, sent["payload"]):
        encoded = encoded.replace(noise, "")
    for word in ("917", CITIZEN, CITIZEN[-6:], "林晓岚", "\\u6797", "a model"):
        assert word not in encoded
    assert "林晓岚".encode().decode("latin-1") not in encoded


def test_two_values_of_one_band_are_the_same_word():
    """The value cannot be read back: 651 and 652 give the same observation."""
    found = []
    for value in (651, 652):
        sent = message(plain(lambda content, value=value: content["score"].update(value=value)))
        found.append(feed(received(sent)).message)
    assert found[0] == found[1]
    assert POLICIES.band("egret", 650) != POLICIES.band("egret", 651)


@pytest.mark.parametrize("msg_type", ["HEARTBEAT", "CONSENT_GRANT"])
@pytest.mark.parametrize("stream", ["score", "consent"])
def test_a_heartbeat_or_a_grant_relays_nothing(msg_type: str, stream: str):
    """It only advances the stream's sequence; a heartbeat's content is not even read."""
    content = plain(lambda each: each.pop("score")) if msg_type == "CONSENT_GRANT" else b""
    body = feed(received(message(content, msg_type=msg_type, stream=stream)))
    assert body.message is None
    assert (body.stream, body.sequence) == (stream, 18342)
    assert (body.relay_account == "") is (msg_type == "HEARTBEAT")


def test_a_grant_with_a_score_in_it_relays_no_score():
    """What a message says is its type, not what else it carries."""
    assert feed(received(message(PLAIN, msg_type="CONSENT_GRANT"))).message is None


def test_a_withdrawal_names_its_authorisation():
    """CONSENT_REVOKE reaches the person; its time is the message's."""
    body = feed(received(message(plain(lambda each: each.pop("score")), msg_type="CONSENT_REVOKE", stream="consent")))
    assert body.message == RevokeConsent("egret", NOW, "AU20260601-0007")
    assert body.relay_account == account_id(CITY, "person", CITIZEN)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"{}", b"\xff", b"[" * 100_000, b'{"x":' + b"[" * 100_000, b'{"ver":"\\ud800"}'],
)
def test_row_94_what_is_no_json_message_is_400(body: bytes):
    """A ladder of brackets too."""
    assert refused(received(body)) == (400, "BODY")


@pytest.mark.parametrize("name", list(message()))
def test_row_94_each_field_is_required_and_of_its_type(name: str):
    """Missing, null, a list."""
    whole = message()
    assert refused(received({key: whole[key] for key in whole if key != name})) == (400, "BODY")
    assert refused(received({**whole, name: None})) == (400, "BODY")
    assert refused(received({**whole, name: [whole[name]]})) == (400, "BODY")


@pytest.mark.parametrize(
    "change",
    [
        {"seq": 0},
        {"seq": -1},
        {"seq": 2**53},
        {"seq": 10**30},
        {"seq": 1.5},
        {"seq": "1"},
        {"stream": "scores"},
        {"stream": "score\nx"},
        {"msg_id": "01J1QW8Z5T6K3N9V2B4C7D8E0"},
        {"msg_id": "91J1QW8Z5T6K3N9V2B4C7D8E0F"},
        {"msg_id": "01j1qw8z5t6k3n9v2b4c7d8e0f"},
        {"msg_id": "01J1QW8Z5T6K3N9V2B4C7D8E0U"},
        {"msg_id": "01J1QW8Z5T6K3N9V2B4C7D8E0F\n"},
    ],
)
def test_row_94_numbers_and_names_out_of_form_are_400(change: dict[str, Any]):
    """Seq from 1, a stream of ours, a ULID."""
    assert refused(received({**message(), **change})) == (400, "BODY")


def test_row_94_a_number_of_thousands_of_digits_is_400():
    """Longer than any integer the interpreter writes out."""
    body = json.dumps(message()).encode().replace(b"18342", b"9" * 5000)
    assert refused(received(body)) == (400, "BODY")


@pytest.mark.parametrize(
    "change",
    [{"ver": "egret-2"}, {"ver": ""}, {"msg_type": "SCORE_PULL"}, {"msg_type": "score_push"}]
    + [{"msg_type": name} for name in ("SCORE_CORRECTION", "BATCH_OPEN", "BATCH_PART", "BATCH_CLOSE")],
)
def test_row_94_an_unknown_version_or_type_is_400_with_its_own_code(change: dict[str, str]):
    """Corrections and batches are not taken by this hub."""
    assert refused(received({**message(), **change})) == (400, "TYPE_UNSUPPORTED")


def test_a_message_over_256_kib_is_413():
    """Refused before it is read."""
    assert refused(received(b" " * (BODY_BYTES_MAX + 1))) == (413, "BODY_TOO_LARGE")


@pytest.mark.parametrize("change", [{"sender": "XM-EGRET2"}, {"sender": ""}, {"receiver": "XM-HUB2"}])
def test_row_95_another_sender_or_receiver_is_403(change: dict[str, str]):
    """Also when it is signed rightly."""
    assert refused(received(message(**change))) == (403, "SENDER_MISMATCH")


@pytest.mark.parametrize("spoil", ["", "x", "A" * 88, PRINTED_SIG[:-4], PRINTED_SIG + "AAAA", " " + PRINTED_SIG])
def test_row_96_a_signature_that_is_not_64_right_bytes_is_403(spoil: str):
    """Wrong, short, long, no base64, DER."""
    assert refused(received(message() | {"sig": spoil})) == (403, "SIGN_INVALID")


def test_row_96_der_is_no_signature_of_the_feed():
    """The right r and s in the other encoding."""
    raw = base64.b64decode(message()["sig"])
    parts = [raw[:32], raw[32:]]
    body = b"".join(bytes((2, len(p := (b"\0" + each if each[0] > 127 else each)))) + p for each in parts)
    der = bytes((0x30, len(body))) + body
    assert refused(received(message() | {"sig": base64.b64encode(der).decode()})) == (403, "SIGN_INVALID")


@pytest.mark.parametrize(
    "change",
    [
        {"seq": 18343},
        {"ts": "2026-07-01T09:30:01+08:00"},
        {"msg_id": "01J1QW8Z5T6K3N9V2B4C7D8E0G"},
        {"stream": "consent"},
        {"msg_type": "CONSENT_REVOKE"},
        {"enc_kid": "raw-1"},
        {"iv": "AAECAwQFBgcICQoM"},
        {"payload": base64.b64encode(b"x" * 40).decode()},
    ],
)
def test_row_96_each_field_is_signed(change: dict[str, Any]):
    """What was altered on the way is refused before anything of it is used."""
    assert refused(received(message() | change)) == (403, "SIGN_INVALID")


@pytest.mark.parametrize("kid", ["egret-sm2-nobody", "", "audit-1", "egret-sm4-2026b", PUBLIC])
def test_row_96_an_unregistered_signing_key_is_403(kid: str):
    """Unknown, of another purpose or kind, or a bare public key in place of an id."""
    sent = build_message(replace(SENDER, sign_kid=kid), HEAD, PLAIN)
    assert refused(received(sent)) == (403, "KEY_UNKNOWN")


@pytest.mark.parametrize("kid", ["egret-sm4-2026c", "", "raw-1", "egret-sm2-2026a"])
def test_row_97_an_unregistered_sealing_key_is_422(kid: str):
    """The message is authentic, but nothing here opens it; a key of another purpose does not."""
    sent = build_message(replace(SENDER, enc_kid=kid), HEAD, PLAIN)
    assert refused(received(sent)) == (422, "KEY_UNKNOWN")


def resigned(**change: str) -> dict[str, Any]:
    """Return a message with iv or payload replaced, signed after that."""
    sent = message() | change
    envelope = [sent[name] for name in ("ver", "msg_type", "sender", "receiver", "msg_id", "stream")]
    head = "\n".join([*envelope, str(sent["seq"]), sent["ts"], sent["enc_kid"]])
    digest = ACCESS.provider.sm3(sent["payload"].encode()).hex()
    signed = f"{head}\n{sent['sign_kid']}\n{sent['iv']}\n{digest}".encode()
    return sent | {"sig": base64.b64encode(ACCESS.provider.sm2_sign("audit-1", signed, fmt="rs")).decode()}


@pytest.mark.parametrize("name", ["bad_tag", "wrong_aad"])
def test_row_97_a_tag_that_fails_is_422(name: str):
    """The sandbox's hostile messages: validly signed, not to be opened."""
    (sent,) = hostile_message(name, SENDER, HEAD, json.loads(PLAIN), NOW)
    assert refused(received(sent)) == (422, "DECRYPT")


@pytest.mark.parametrize(
    "change",
    [
        {"iv": ""},
        {"iv": "AAECAwQFBgcICQo="},
        {"iv": "AAECAwQFBgcICQoLDA=="},
        {"iv": "AAECAwQFBgcICQo!"},
        {"payload": ""},
        {"payload": "AAAA"},
        {"payload": "no base64"},
        {"payload": "\u00e9"},
    ],
)
def test_row_97_an_iv_or_payload_out_of_form_is_422(change: dict[str, str]):
    """12 bytes of iv, at least a tag of payload, both base64."""
    assert refused(received(resigned(**change))) == (422, "DECRYPT")


@pytest.mark.parametrize(
    ("off", "fresh"), [(0, True), (300_000, True), (-300_000, True), (300_001, False), (-300_001, False)]
)
def test_row_98_a_time_outside_the_window_is_409(off: int, *, fresh: bool):
    """Five minutes to either side, the ends included."""
    found = received(message(), NOW + off)
    assert isinstance(found, Inbound) if fresh else refused(found) == (409, "STALE")


@pytest.mark.parametrize(
    "ts",
    [
        "",
        "now",
        "2026-07-01",
        "2026-07-01T09:30:00",
        "2026-07-01 09:30:00+08:00",
        "2026-07-01t09:30:00+08:00",
        "20260701T093000+0800",
        "2026-W27-3T09:30:00+08:00",
        "2026-07-01T09:30:00+08:00\n",
        "2026-02-30T09:30:00+08:00",
        "2026-07-01T25:30:00+08:00",
        "\uff12026-07-01T09:30:00+08:00",
    ],
)
def test_a_time_that_is_not_rfc_3339_with_an_offset_is_400(ts: str):
    """Signed or not: there is one form."""
    assert refused(received(message(ts=ts))) == (400, "BODY")


@pytest.mark.parametrize("ts", ["2026-07-01T01:30:00Z", "2026-07-01T09:30:00.000+08:00", "2026-06-30T20:30:00-05:00"])
def test_the_same_moment_in_another_offset_is_fresh(ts: str):
    """RFC 3339 leaves the offset to the sender."""
    assert isinstance(received(message(ts=ts)), Inbound)


def test_rows_99_to_101_are_answered_as_the_books_judge():
    """Gap with what is expected, conflict, missing consent; a replay is 200 with the receipt, the first 202."""
    inbound = received(message())
    assert isinstance(inbound, Inbound)
    gap = feed_answer(
        inbound, msgspec.structs.replace(reply("SEQ_GAP", refused=True), parameters={"sent": "9", "expected": "7"}), "t"
    )
    assert (gap.status, json.loads(gap.body)["code"], json.loads(gap.body)["expected_seq"]) == (409, "SEQ_GAP", 7)
    for code, status in (("SEQ_CONFLICT", 409), ("CONSENT", 422)):
        found = feed_answer(inbound, reply(code, refused=True), "t")
        assert (found.status, json.loads(found.body)["code"]) == (status, code)
    first = feed_answer(inbound, reply("RECORDED"), "t")
    again = feed_answer(inbound, msgspec.structs.replace(reply("RECORDED"), repeated=True), "t")
    receipt = {"msg_id": HEAD.msg_id, "seq": 18342, "receipt": inbound.id, "received_at": "t"}
    assert (first.status, again.status, first.body == again.body) == (202, 200, True)
    assert json.loads(first.body) == receipt
    late = feed_answer(inbound, None, "t")
    assert (late.status, json.loads(late.body)["code"]) == (503, "HUB_BUSY")


def test_row_100_a_replay_is_the_same_command_and_altered_content_is_not():
    """Same number, same sealed text: one id; sealed anew it is another, which the feed's account judges."""
    sent = message()
    first, again, other = received(sent), received(sent), received(message())
    assert isinstance(first, Inbound)
    assert isinstance(again, Inbound)
    assert isinstance(other, Inbound)
    assert (first.id, first.content_hash) == (again.id, again.content_hash)
    assert other.id != first.id
    assert other.account == first.account


@pytest.mark.parametrize("value", [672.0, 672.5, "672", True, None, [672], {}, -1, 1001, 10**30, 1e30])
def test_row_102_a_value_that_is_no_score_is_422(value: Any):
    """Integers of the scale only."""
    sent = message(plain(lambda each: each["score"].update(value=value)))
    assert refused(received(sent)) == (422, "SCORE_RANGE")


@pytest.mark.parametrize("text", [b"672e0", b"6.72e2", b"672E0", b"-0.0", b"9" * 5000])
def test_row_102_a_number_written_otherwise_than_an_integer_is_422(text: bytes):
    """Exponents and fractions, whole or not."""
    assert refused(received(message(PLAIN.replace(b"672", text)))) == (422, "SCORE_RANGE")


@pytest.mark.parametrize("value", [0, 500, 650, 1000])
def test_row_102_the_ends_of_the_scale_are_scores(value: int):
    """0 to 1000, both included."""
    found = feed(received(message(plain(lambda each: each["score"].update(value=value)))))
    assert isinstance(found.message, ObserveScore)
    assert found.message.band == POLICIES.band("egret", value)


@pytest.mark.parametrize(
    "subject",
    [
        {"id_no": "350299199003070026"},
        {"id_no": "35029919900307002X"},
        {"id_no": "350299199013070025"},
        {"id_no": "35029919900307002"},
        {"id_no": "350299900307002"},
        {"id_no": ""},
        {"id_no": "\uff1350299199003070025"[:18]},
        {"id_type": "02"},
        {"id_type": ""},
    ],
)
@pytest.mark.parametrize("msg_type", ["SCORE_PUSH", "CONSENT_GRANT", "CONSENT_REVOKE"])
def test_row_103_an_id_number_with_a_wrong_check_digit_is_422(msg_type: str, subject: dict[str, str]):
    """Check digit, birthday, length and kind of document."""
    sent = message(plain(lambda each: each["subject"].update(subject)), msg_type=msg_type)
    assert refused(received(sent)) == (422, "SUBJECT_INVALID")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        PLAIN[:-1],
        json.dumps(plain(lambda each: each.pop("subject"))).encode(),
        json.dumps(plain(lambda each: each.pop("score"))).encode(),
        json.dumps(plain(lambda each: each["score"].pop("value"))).encode(),
        json.dumps(plain(lambda each: each["score"].update(computed_at="yesterday"))).encode(),
        json.dumps(plain(lambda each: each["authorization"].update(granted_at="2026-06-01"))).encode(),
        json.dumps(plain(lambda each: each["authorization"].update(scope="medical_credit"))).encode(),
    ],
)
def test_sealed_content_out_of_form_is_400(content: bytes):
    """What the authentic sender sealed is checked all the same; nothing is raised."""
    assert refused(received(message(content))) == (400, "BODY")


def test_sealed_content_that_is_far_too_long_is_400():
    """An authorisation is kept and repeated by records, so one of any length is none."""
    long = plain(lambda each: each["authorization"].update(auth_id="A" * 20_000))
    assert refused(received(message(long))) == (400, "BODY")


def test_a_score_without_authorisation_goes_to_the_books_as_such():
    """Row 101 is the person's judgement: zero instants, no scope, no authorisation."""
    found = feed(received(message(plain(lambda each: each.pop("authorization"))))).message
    assert isinstance(found, ObserveScore)
    said = (found.authorisation, found.authorisation_from, found.authorisation_until, found.authorisation_scopes)
    assert said == ("", 0, 0, ())


def test_the_previous_key_opens_and_verifies_until_it_is_destroyed():
    """Monthly and yearly changes: decrypt_only still reads, destroyed is unknown."""
    for state, expected in ((State.DECRYPT_ONLY, None), (State.PENDING, None), (State.DESTROYED, (403, "KEY_UNKNOWN"))):
        ring = KeyRing([replace(key, state=state) for key in RING])
        found = received(message(), access=FeedAccess(SoftwareProvider(ring), EGRET))
        assert isinstance(found, Inbound) if expected is None else refused(found) == expected

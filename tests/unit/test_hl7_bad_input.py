"""Rows of protocols 11 that a message alone decides; each test is named for its row."""

import pytest
from hl7_messages import (
    CITY_KEY,
    NOW,
    PROFILES,
    SETTING,
    WORKED,
    WORKED_TEXT,
    accepted,
    adt,
    changed,
    edited,
    original,
    refused,
    setting_for,
    variant,
    without,
)

from adapters.hl7.answers import answer_busy, answer_decided, answer_durable, decision_fault
from adapters.hl7.batches import is_batch, read_batch
from adapters.hl7.client import Acknowledgement, read_acknowledgement
from adapters.hl7.translation import SANDBOX, Refused, Setting, refused_bytes, refused_oversized, translate
from schemas.commands import PostCharge
from schemas.reasons import Reason


def ack_of(payload: bytes, setting: Setting = SETTING, now: int = NOW) -> Acknowledgement:
    """Return the answer in original mode."""
    translated = translate(payload, setting, now)
    answer = answer_durable(translated)
    assert answer.first is not None
    ack = read_acknowledgement(answer.first)
    assert ack is not None
    return ack


def errors_of(ack: Acknowledgement) -> list[tuple[str, str, str]]:
    """Return (ERR-2, ERR-3.1, ERR-5.1) of each ERR segment."""
    lines = [line.split("|") for line in ack.raw.decode().split("\r") if line.startswith("ERR")]
    return [(line[2], line[3].split("^")[0], line[5].split("^")[0]) for line in lines]


def one_error(payload: bytes, setting: Setting = SETTING) -> tuple[str, str, str, str]:
    """Return MSA-1 and the only ERR of the answer in original mode."""
    ack = ack_of(payload, setting)
    errors = errors_of(ack)
    assert len(errors) == 1, errors
    return ack.code, *errors[0]


def interface(payload: bytes, setting: Setting = SETTING) -> str:
    """Return the dead letter's interface."""
    return refused(payload, setting).interface


def test_row_2_a_frame_over_the_cap_names_the_message_where_its_header_is_readable():
    """AR 207 FRAME_TOO_LARGE with the control id read from the first bytes."""
    answer = answer_durable(refused_oversized(WORKED + b"x" * 100, SETTING))
    ack = read_acknowledgement(answer.first or b"")
    assert ack is not None
    assert (ack.code, ack.control_id, ack.reasons) == ("AR", "ZS26070300000871", ("FRAME_TOO_LARGE",))
    unreadable = read_acknowledgement(answer_durable(refused_oversized(b"\xff" * 100, SETTING)).first or b"")
    assert unreadable is not None
    assert unreadable.control_id == "UNKNOWN"


def test_row_2_a_message_over_512_kib_is_refused():
    """AR 207 with MSA-2 readable; just below the limit it is read."""
    padding = "ZZZ|" + "x" * 1000 + "\r"
    too_large = (WORKED_TEXT + padding * 530).encode()
    ack = ack_of(original(too_large))
    assert (ack.code, ack.control_id, errors_of(ack)) == ("AR", "ZS26070300000871", [("", "207", "FRAME_TOO_LARGE")])
    assert interface(too_large) == "mllp"
    accepted((WORKED_TEXT + padding * 520).encode())


def lines(count: int) -> bytes:
    """Return a DFT of n equal lines with their own keys."""
    head = [line for line in WORKED_TEXT.split("\r") if line and not line.startswith("FT1")]
    body = [f"FT1|{n}|L{n}||20260703100800+0800||CG|X^Y^Z|||1|1.00&CNY|1.00&CNY" for n in range(1, count + 1)]
    return "".join(line + "\r" for line in head + body).encode()


def test_row_2_a_message_of_501_lines_is_refused_and_of_500_read():
    """The limit of lines per command is 500."""
    assert one_error(original(lines(501))) == ("AR", "", "207", "FRAME_TOO_LARGE")
    body = accepted(lines(500)).body
    assert isinstance(body, PostCharge)
    assert len(body.lines) == 500


def test_row_3_a_cut_off_frame_is_never_answered():
    """FRAME_UNTERMINATED becomes a dead letter without any bytes to the sender."""
    answer = answer_durable(refused_bytes(b"MSH|half", Reason.FRAME_UNTERMINATED))
    assert (answer.first, answer.application) == (None, None)


def test_row_5_an_empty_payload_is_refused():
    """AR 100, MSA-2 UNKNOWN."""
    ack = ack_of(b"")
    assert (ack.code, ack.control_id, errors_of(ack)) == ("AR", "UNKNOWN", [("", "100", "FRAME_EMPTY")])
    assert interface(b"") == "mllp"


@pytest.mark.parametrize("payload", [b"PID|1\r", b"hello", b"\r\n\r\n", b"MS", b"msh|^~\\&|", b"\x00"])
def test_row_6_a_payload_must_begin_with_its_header(payload: bytes):
    """AR 100 HEADER_MISSING."""
    assert one_error(payload) == ("AR", "", "100", "HEADER_MISSING")


@pytest.mark.parametrize(
    "payload", [WORKED + b"\xff\xff", WORKED.decode().encode("utf-16-le"), WORKED.decode().encode("utf-16")]
)
def test_row_7_bytes_no_charset_decodes_are_refused(payload: bytes):
    """AR 102 CHARSET_UNDECODABLE, UTF-16 included."""
    assert one_error(payload) == ("AR", "", "102", "CHARSET_UNDECODABLE")


def test_row_8_an_unknown_charset_name_is_refused():
    """AR 103 at MSH^1^18."""
    assert one_error(changed(MSH_18="8859/1")) == ("AR", "MSH^1^18", "103", "CHARSET_UNKNOWN")


def test_row_9_utf_8_bytes_declared_as_big5_are_read_as_utf_8():
    """AA, and the metric charset_mismatch."""
    message = accepted(original(changed(MSH_18="BIG-5")))
    assert message.header.codec == "utf-8"
    assert message.charset_mismatch
    assert ack_of(original(changed(MSH_18="BIG-5"))).code == "AA"


@pytest.mark.parametrize("header", [r"MSH|^^\&|A|B", r"MSHA^~\&A", "MSH|a~\\&|A", r"MSH|^~|A", "MSH", "MSH|"])
def test_row_10_repeated_or_alphanumeric_separators_are_refused(header: str):
    """AR 102 HEADER_SEPARATORS."""
    assert one_error((header + "\rPID|1\r").encode()) == ("AR", "", "102", "HEADER_SEPARATORS")


def test_row_11_a_message_without_control_id_is_refused():
    """AR 101 at MSH^1^10 with MSA-2 UNKNOWN."""
    ack = ack_of(changed(MSH_10=""))
    assert (ack.code, ack.control_id, errors_of(ack)) == ("AR", "UNKNOWN", [("MSH^1^10", "101", "CONTROL_ID_MISSING")])


def test_row_12_unknown_types_and_events_are_told_apart():
    """AR 200 for ORU, AR 201 for DFT^P99."""
    assert one_error(original(changed(MSH_9="ORU^R01")))[0::2] == ("AR", "200")
    assert one_error(original(changed(MSH_9="DFT^P99")))[0::2] == ("AR", "201")
    assert refused(changed(MSH_9="ORU^R01")).reason == Reason.TYPE_UNSUPPORTED
    assert refused(changed(MSH_9="DFT^P99")).reason == Reason.EVENT_UNSUPPORTED


@pytest.mark.parametrize("kind", ["ADT^A41^ADT_A39", "DFT^P11", "BAR^P01", "BAR^P02"])
def test_row_12_types_that_come_later_are_not_supported_here(kind: str):
    """Merges, P11 and BAR answer AR 200 or 201 until they are built."""
    ack = ack_of(original(changed(MSH_9=kind)))
    assert ack.code == "AR"
    assert errors_of(ack)[0][1] in ("200", "201")


@pytest.mark.parametrize("processing", ["T", "D", "", "X"])
def test_row_13_a_production_listener_takes_production_messages_only(processing: str):
    """AR 202 PROCESSING_ID; a sandbox takes T and D."""
    payload = original(changed(MSH_11=processing))
    assert one_error(payload) == ("AR", "MSH^1^11", "202", "PROCESSING_ID")
    if processing in ("T", "D"):
        accepted(payload, Setting(PROFILES, CITY_KEY, SANDBOX))


@pytest.mark.parametrize("version", ["2.0", "2.9", "3.0", "", "2.5.1.1", "2.55", "x"])
def test_row_14_versions_outside_2_1_to_2_8_are_refused(version: str):
    """AR 203 VERSION_UNSUPPORTED."""
    assert one_error(original(changed(MSH_12=version))) == ("AR", "MSH^1^12", "203", "VERSION_UNSUPPORTED")


@pytest.mark.parametrize(
    "version", ["2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1^CHN", "2.6", "2.7.1", "2.8", "2.8.2"]
)
def test_row_14_every_version_from_2_1_to_2_8_is_read(version: str):
    """The same content is accepted under each version."""
    assert ack_of(original(changed(MSH_12=version))).code == "AA"


@pytest.mark.parametrize(("field", "position"), [("MSH_15", "MSH^1^15"), ("MSH_16", "MSH^1^16")])
def test_row_15_other_acknowledgement_modes_are_refused(field: str, position: str):
    """AR 103 ACK_MODE."""
    assert one_error(changed(**{field: "YES"})) == ("AR", position, "103", "ACK_MODE")


def test_row_16_a_sender_that_is_not_the_clients_is_refused():
    """AR 207 SENDER_MISMATCH where the listener knows which sources its client may write for."""
    setting = Setting(PROFILES, CITY_KEY, allowed_sources=frozenset({"HIS@XMDSY"}))
    assert one_error(original(), setting) == ("AR", "MSH^1^3", "207", "SENDER_MISMATCH")
    assert interface(original(), setting) == "mllp"


@pytest.mark.parametrize(("busy", "code"), [("AR", "AR"), ("AE", "AE")])
def test_row_18_a_busy_hub_answers_as_the_profile_says(busy: str, code: str):
    """AR 207 HUB_BUSY or AE."""
    message = accepted(original(), variant("busy_reply: AR", f"busy_reply: {busy}"))
    ack = read_acknowledgement(answer_busy(message).first or b"")
    assert ack is not None
    assert (ack.code, errors_of(ack)) == (code, [("", "207", "HUB_BUSY")])
    assert ack.resend


def test_row_18_a_busy_hub_closes_or_sends_ce():
    """Profile `close` closes; in enhanced mode the accept answer is CE and no application answer follows."""
    closing = answer_busy(accepted(original(), variant("busy_reply: AR", "busy_reply: close")))
    assert (closing.first, closing.close) == (None, True)
    enhanced = answer_busy(accepted(WORKED))
    assert b"MSA|CE|ZS26070300000871|HUB_BUSY" in (enhanced.first or b"")
    assert enhanced.application is None


def test_row_19_a_repeat_gets_the_stored_bytes():
    """The answer is a function of the message: equal bytes, equal answer, also after a restart."""
    assert answer_durable(accepted(original())) == answer_durable(accepted(original()))
    assert answer_durable(refused(changed(FT1_2_11="x"))) == answer_durable(refused(changed(FT1_2_11="x")))


def test_row_20_a_strict_profile_hands_the_control_id_to_the_lane():
    """The lane compares it; the command carries MSH-10 only under `strict`."""
    strict = accepted(WORKED, variant("reused_ok", "strict")).body
    relaxed = accepted(WORKED).body
    assert isinstance(strict, PostCharge)
    assert isinstance(relaxed, PostCharge)
    assert (strict.strict_control_id, relaxed.strict_control_id) == ("ZS26070300000871", "")


def test_row_21_a_continued_message_is_refused():
    """AE 207 CONTINUATION_UNSUPPORTED."""
    payload = original(changed(MSH_14="PART2"))
    assert one_error(payload) == ("AE", "MSH^1^14", "207", "CONTINUATION_UNSUPPORTED")
    assert interface(payload) == "mllp"


@pytest.mark.parametrize("trailer", ["BTS|2", "BTS|x", "BTS|01"])
def test_row_22_a_wrong_batch_count_refuses_the_whole_batch(trailer: str):
    """AE 207 BATCH_COUNT, MSA-2 = BHS-11, nothing processed."""
    payload = ("BHS|^~\\&|HIS|XMZSH|XMHUB|XM|20260703||||BATCH-7\r" + WORKED_TEXT + trailer + "\r").encode()
    assert is_batch(payload)
    batch = read_batch(payload)
    assert isinstance(batch, Refused)
    ack = read_acknowledgement(answer_durable(batch).first or b"")
    assert ack is not None
    assert (ack.code, ack.control_id, errors_of(ack)) == ("AE", "BATCH-7", [("", "207", "BATCH_COUNT")])


@pytest.mark.parametrize(
    "payload", [without("PID"), changed(PID_3=""), changed(PID_3="^^^XMZSH^MR"), changed(PID_3='""^^^XMZSH^MR')]
)
def test_row_23_a_message_without_a_usable_identifier_is_refused(payload: bytes):
    """AE 101 at PID^1^3."""
    ack = ack_of(original(payload))
    assert ack.code == "AE"
    assert ("PID^1^3", "101", "PATIENT_MISSING") in errors_of(ack)
    assert interface(payload) == "hl7"


def test_row_24_two_different_citizen_ids_are_a_conflict():
    """AE 207 IDENTITY_CONFLICT; the same id twice is none."""
    two = "350299199003070025^^^NHSA^NI~350299199003070033^^^NHSA^NI"
    assert one_error(original(changed(PID_3=two)))[0::2] == ("AE", "207")
    assert refused(changed(PID_3=two)).reason == Reason.IDENTITY_CONFLICT
    accepted(changed(PID_3="350299199003070025^^^NHSA^NI~350299199003070025^^^OTHER^NI"))


def test_row_25_a_message_without_visit_number_is_refused():
    """AE 101 at PV1^1^19 when PV1-19, PV1-50 and PID-18 are all empty; each of them alone is enough."""
    bare = {"PV1_19": "", "PID_18": ""}
    assert one_error(original(changed(**bare))) == ("AE", "PV1^1^19", "101", "VISIT_MISSING")
    for fields in ({**bare, "PV1_50": "V50"}, {**bare, "PID_18": "A5512"}):
        accepted(changed(**fields))


def test_row_26_a_dft_without_ft1_is_refused():
    """AE 100 FT1_MISSING."""
    assert one_error(original(without("FT1"))) == ("AE", "FT1^1", "100", "FT1_MISSING")


def test_row_26_segments_glued_together_by_blanks_are_refused():
    """One line for everything, or one FT1 hidden in another: nothing is booked."""
    everything = original().decode().replace("\r", " ")
    ack = ack_of(everything.encode())
    assert ack.code == "AE"
    assert ack.reasons[0] == "FT1_MISSING"
    hidden = original().decode().replace("\rFT1|2", " FT1|2")
    assert ack_of(hidden.encode()).reasons[0] == "FT1_MISSING"


def test_row_27_a_source_without_profile_goes_to_quarantine():
    """AE 207 DIALECT_UNMAPPED."""
    payload = original(changed(MSH_4="NOWHERE"))
    assert one_error(payload) == ("AE", "MSH^1^3", "207", "DIALECT_UNMAPPED")
    assert interface(payload) == "quarantine.charge"


def test_row_27_a_layout_nobody_mapped_is_acknowledged_where_the_hospital_agreed():
    """A profile without fields quarantines; `unmapped_reply: AA` answers AA."""
    setting = setting_for(
        "profile: {source_id: NEW@CLINIC, version: 1, valid_from: 2020-01-01}\ndefaults: {unmapped_reply: AA}"
    )
    payload = original(changed(MSH_3="NEW", MSH_4="CLINIC"))
    assert refused(payload, setting).reason == Reason.DIALECT_UNMAPPED
    assert ack_of(payload, setting).code == "AA"


@pytest.mark.parametrize("kind", ["ZZ", "", "cg", "CR"])
def test_row_28_an_unmapped_kind_goes_to_quarantine(kind: str):
    """AE 103 at FT1^n^6."""
    payload = original(changed(FT1_2_6=kind))
    assert one_error(payload) == ("AE", "FT1^2^6", "103", "KIND_UNKNOWN")
    assert interface(payload) == "quarantine.charge"


@pytest.mark.parametrize(
    "amount", ["12,50", "1E3", "１２.５０", "12.345", "abc", "+1.00", " 1.00", ".50", "1.", "NaN", "--1"]
)
def test_row_29_an_amount_that_is_no_number_is_refused(amount: str):
    """AE 102 at FT1^n^11."""
    payload = original(changed(FT1_2_11=amount))
    assert one_error(payload) == ("AE", "FT1^2^11", "102", "AMOUNT_SYNTAX")
    assert interface(payload) == "hl7"


def test_row_29_a_leading_dot_is_read_only_where_the_profile_says_so():
    """`.50` needs `leading_dot`."""
    setting = variant("defaults: {currency: CNY", "defaults: {leading_dot: true, currency: CNY")
    body = accepted(changed(FT1_1_11=".50&CNY", FT1_1_12="0.50"), setting).body
    assert isinstance(body, PostCharge)
    assert body.lines[0].amount_fen == 50


LONG = "誠" * 1025
"""One character more than a value may have."""


@pytest.mark.parametrize(
    ("fields", "position"),
    [
        ({"FT1_2_2": LONG}, "FT1^2^2"),
        ({"FT1_2_7": f"XD0001^{LONG}^NHSA"}, "FT1^2^7"),
        ({"FT1_2_13": LONG}, "FT1^2^13"),
        ({"FT1_2_20": LONG}, "FT1^2^20"),
        ({"FT1_2_23": LONG}, "FT1^2^23"),
        ({"PV1_19": LONG}, "PV1^1^19"),
        ({"PV1_3": LONG}, "PV1^1^3"),
    ],
)
def test_a_value_too_long_to_be_kept_is_refused(fields: dict[str, str], position: str):
    """AE 104: what a command keeps is repeated by views, timers and events, each of which must fit a record."""
    assert one_error(original(changed(**fields))) == ("AE", position, "104", "FIELD_TOO_LONG")
    fitting = {name: value.replace(LONG, LONG[1:]) for name, value in fields.items()}
    assert ack_of(original(changed(**fitting))).code == "AA"


@pytest.mark.parametrize(("field", "position"), [("MSH_3", "MSH^1^3"), ("MSH_4", "MSH^1^4"), ("MSH_10", "MSH^1^10")])
def test_a_sender_or_control_id_too_long_to_be_kept_is_refused(field: str, position: str):
    """AR 104, and the dead letter does not repeat it."""
    payload = original(changed(**{field: LONG}))
    assert one_error(payload) == ("AR", position, "104", "FIELD_TOO_LONG")
    refused = translate(payload, SETTING, NOW)
    assert isinstance(refused, Refused)
    assert len(refused.source + refused.receipt_key) < 1024


def test_row_30_an_absent_amount_is_never_computed():
    """AE 101 though quantity and unit price are there."""
    assert one_error(original(changed(FT1_2_11=""))) == ("AE", "FT1^2^11", "101", "AMOUNT_MISSING")
    assert one_error(original(changed(FT1_2_11="", FT1_2_12=""))) == ("AE", "FT1^2^11", "101", "AMOUNT_MISSING")


def test_row_31_quantity_times_unit_must_be_the_amount():
    """AE 207 AMOUNT_MISMATCH, in quarantine, the text naming the numbers of that line."""
    payload = original(changed(FT1_2_11="18.43&CNY"))
    assert one_error(payload) == ("AE", "FT1^2^11", "207", "AMOUNT_MISMATCH")
    assert interface(payload) == "quarantine.charge"
    assert "14 x 1.31 is 18.34, sent 18.43" in ack_of(payload).raw.decode()


@pytest.mark.parametrize(
    "fields",
    [
        *({"FT1_2_11": f"18.34{written}"} for written in ("&USD", "^EUR", "&usd", "^eur", "&US", "&人民币", "^人民币")),
        {"FT1_2_12": "1.31&USD"},
        {"FT1_2_12": "1.31&usd"},
    ],
)
def test_row_32_other_currencies_are_refused(fields: dict[str, str]):
    """AE 103 CURRENCY, in both ways of writing it, at the field that names it."""
    code, position, table, reason = one_error(original(changed(**fields)))
    assert (code, table, reason) == ("AE", "103", "CURRENCY")
    assert position == ("FT1^2^11" if "FT1_2_11" in fields else "FT1^2^12")


@pytest.mark.parametrize("amount", ["18.34", "18.34&CNY", "18.34^CNY", "18.34&CNY^UP", "18.34^TP", "18.34&CNY^TP^1^9"])
def test_row_32_a_price_type_beside_the_amount_is_no_currency(amount: str):
    """The second component of CP is a price type of table 0205 where it is not the caret form."""
    assert ack_of(changed(FT1_2_11=amount)).code == "CA"


def test_row_33_contradicting_signs_go_to_quarantine():
    """AE 207 SIGN_AMBIGUOUS for a charge with negative quantity and amount under TYPE."""
    payload = original(changed(FT1_2_10="-14", FT1_2_11="-18.34&CNY"))
    assert one_error(payload) == ("AE", "FT1^2^11", "207", "SIGN_AMBIGUOUS")
    assert interface(payload) == "quarantine.charge"


@pytest.mark.parametrize(
    ("reason", "code", "table"),
    [
        (Reason.CREDIT_UNMATCHED, "AE", "207"),
        (Reason.CREDIT_EXCEEDS, "AE", "207"),
        (Reason.LINE_CHANGED, "AE", "205"),
        (Reason.CONTROL_ID_REUSED, "AE", "205"),
        (Reason.HUB_BUSY, "AR", "207"),
    ],
)
def test_rows_20_34_35_36_the_answer_of_the_books_carries_code_and_line(reason: Reason, code: str, table: str):
    """For `ack_after: decision` the lane's refusal becomes the row's answer, placed at the line it names."""
    message = accepted(original())
    answer = answer_decided(message, decision_fault(message, reason, {"line": "F0003"}))
    ack = read_acknowledgement(answer.first or b"")
    assert ack is not None
    assert (ack.code, errors_of(ack)) == (code, [("FT1^3^2", table, reason.value)])


@pytest.mark.parametrize(
    "stamp",
    ["19991231235959+0800", "20260705101512+0800", "yesterday", "20260230", "2026", "202607", "20260703101512+9900"],
)
def test_row_37_an_impossible_service_time_is_refused(stamp: str):
    """AE 102: unreadable, before 2000, or more than 24 h ahead."""
    payload = original(changed(FT1_2_4=stamp))
    assert one_error(payload) == ("AE", "FT1^2^4", "102", "TIME_INVALID")
    assert interface(payload) == "hl7"


def test_row_37_a_time_without_offset_needs_the_profiles_offset():
    """`+08:00` is meant only where the profile says so."""
    payload = original(changed(FT1_2_4="20260703101000"))
    assert accepted(payload)
    bare = variant('charset: utf-8, offset: "+08:00"', "charset: utf-8")
    assert one_error(payload, bare) == ("AE", "FT1^2^4", "102", "TIME_INVALID")


def test_row_40_a_control_total_is_enforced_where_the_profile_says_so():
    """AE 207 CONTROL_TOTAL under `enforce`; a warning under `warn`."""
    payload = original(changed(PV1_47="38.11"))
    enforcing = variant("control_mode: warn", "control_mode: enforce")
    assert one_error(payload, enforcing) == ("AE", "PV1^1^47", "207", "CONTROL_TOTAL")
    assert interface(payload, enforcing) == "quarantine.charge"
    assert [fault.reason for fault in accepted(payload).warnings] == [Reason.CONTROL_TOTAL]
    assert accepted(original(changed(PV1_47="38.10")), enforcing).warnings == ()


def test_all_faults_of_a_message_are_told_at_once():
    """One ERR for each fault, in message order of their discovery."""
    payload = changed(PV1_19="", PID_18="", FT1_1_11="x", FT1_2_11="18.43", FT1_3_6="ZZ", EVN_2="never")
    errors = errors_of(ack_of(original(payload)))
    assert errors == [
        ("PV1^1^19", "101", "VISIT_MISSING"),
        ("EVN^1^2", "102", "TIME_INVALID"),
        ("FT1^1^11", "102", "AMOUNT_SYNTAX"),
        ("FT1^2^11", "207", "AMOUNT_MISMATCH"),
        ("FT1^3^6", "103", "KIND_UNKNOWN"),
    ]


def test_an_amount_above_the_maximum_is_refused():
    """AE 102 AMOUNT_OUT_OF_RANGE above 50,000,000.00."""
    highest = changed(FT1_1_11="50000000.00", FT1_1_12="50000000.00")
    accepted(highest)
    above = original(changed(FT1_1_11="50000000.01", FT1_1_12="50000000.01"))
    assert one_error(above) == ("AE", "FT1^1^11", "102", "AMOUNT_OUT_OF_RANGE")


def test_no_answer_echoes_names_or_numbers():
    """Neither names nor id numbers stand in any answer, whatever is wrong."""
    bare = {"PV1_19": "", "PID_18": ""}
    for payload in (changed(FT1_1_11="x"), changed(PID_3=""), changed(**bare), adt("A03", **bare)):
        raw = ack_of(original(payload)).raw.decode()
        assert not [secret for secret in ("晓岚", "350299199003070025", "P0091827") if secret in raw]


def test_an_unreadable_class_is_refused_and_aliases_are_read():
    """住院 means inpatient by alias; a word nobody mapped is not guessed."""
    body = accepted(changed(PV1_2="住院")).body
    assert isinstance(body, PostCharge)
    assert body.scene == "inpatient"
    assert refused(changed(PV1_2="楼上")).reason == Reason.STATUS_INVALID


def test_edited_text_keeps_the_worked_message():
    """The editing of these tests changes only what it names."""
    assert edited(WORKED_TEXT, {}) == WORKED_TEXT

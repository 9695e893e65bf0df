"""Acknowledgement modes and the shape of answers by version (protocols 1.3, 1.4)."""

import pytest
from hl7_messages import NOW, SETTING, accepted, changed, original, refused

from adapters.hl7.answers import Answer, answer_busy, answer_decided, answer_durable, answer_stored, decision_fault
from adapters.hl7.client import read_acknowledgement
from adapters.hl7.translation import translate
from schemas.reasons import Reason

BAD = {"FT1_2_11": "x"}


def codes(answer: Answer) -> tuple[str, str]:
    """Return MSA-1 of both parts; a dash where nothing is sent."""
    found = []
    for part in (answer.first, answer.application):
        ack = read_acknowledgement(part) if part else None
        found.append(ack.code if ack else "-")
    return found[0], found[1]


def answer(**fields: str) -> Answer:
    """Return the answer to the worked message with these fields."""
    return answer_durable(translate(changed(**fields), SETTING, NOW))


@pytest.mark.parametrize(
    ("accept", "application", "good", "bad"),
    [
        ("", "", ("AA", "-"), ("AE", "-")),
        ("AL", "AL", ("CA", "AA"), ("CA", "AE")),
        ("AL", "NE", ("CA", "-"), ("CA", "-")),
        ("AL", "", ("CA", "-"), ("CA", "-")),
        ("NE", "AL", ("-", "AA"), ("-", "AE")),
        ("", "AL", ("-", "AA"), ("-", "AE")),
        ("AL", "ER", ("CA", "-"), ("CA", "AE")),
        ("AL", "SU", ("CA", "AA"), ("CA", "-")),
        ("ER", "ER", ("-", "-"), ("-", "AE")),
        ("SU", "SU", ("CA", "AA"), ("CA", "-")),
        ("NE", "NE", ("-", "-"), ("-", "-")),
    ],
)
def test_each_pair_of_modes_gets_its_answers(
    accept: str, application: str, good: tuple[str, str], bad: tuple[str, str]
):
    """MSH-15 rules the accept answer, MSH-16 the application answer; both empty is original mode."""
    assert codes(answer(MSH_15=accept, MSH_16=application)) == good
    assert codes(answer(MSH_15=accept, MSH_16=application, **BAD)) == bad


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"MSH_9": "ORU^R01"}, ("CR", "-")),
        ({"MSH_9": "DFT^P99"}, ("CR", "-")),
        ({"MSH_11": "T"}, ("CR", "-")),
        ({"MSH_12": "3.0"}, ("CR", "-")),
        ({"MSH_10": ""}, ("AR", "-")),
        ({"MSH_18": "EBCDIC"}, ("AR", "-")),
        ({"MSH_4": "NOWHERE"}, ("CA", "AE")),
        ({"MSH_14": "1"}, ("CA", "AE")),
    ],
)
def test_header_faults_in_enhanced_mode(fields: dict[str, str], expected: tuple[str, str]):
    """Unsupported type, processing id and version get CR; an unreadable header AR; content CA and AE."""
    assert codes(answer(**fields)) == expected


def test_a_decision_that_is_awaited_comes_second():
    """CA at once, AA or AE after the books; in original mode one answer after the books."""
    message = accepted(changed())
    fault = decision_fault(message, Reason.LINE_CHANGED, {"line": "F0002"})
    assert codes(answer_stored(message)) == ("CA", "-")
    assert codes(answer_decided(message, None)) == ("-", "AA")
    assert codes(answer_decided(message, fault)) == ("-", "AE")
    plain = accepted(original())
    assert codes(answer_stored(plain)) == ("-", "-")
    assert codes(answer_decided(plain, fault)) == ("AE", "-")


def test_a_refusal_that_could_not_be_kept_is_still_told():
    """The sender then keeps the message: CE instead of CA, and the fault as before."""
    assert codes(answer_busy(refused(changed(**BAD)))) == ("CE", "AE")
    assert codes(answer_busy(refused(original(changed(**BAD))))) == ("AE", "-")


def segments(version: str, **fields: str) -> dict[str, list[str]]:
    """Return the answer's segments in original mode by name, split at the separator."""
    payload = original(changed(MSH_12=version, **fields))
    first = answer_durable(translate(payload, SETTING, NOW)).first
    assert first is not None
    return {line[:3]: line.split("|") for line in first.decode().split("\r") if line}


@pytest.mark.parametrize(
    ("version", "kind"), [("2.1", "ACK^P03"), ("2.3", "ACK^P03"), ("2.3.1", "ACK^P03^ACK"), ("2.8", "ACK^P03^ACK")]
)
def test_msh_9_has_its_third_component_from_2_3_1(version: str, kind: str):
    """`ACK^event` up to 2.3, `ACK^event^ACK` later."""
    assert segments(version)["MSH"][8] == kind


def test_an_answer_without_event_is_a_bare_ack():
    """MSH-9 without an event gives `ACK`."""
    assert segments("2.5.1", MSH_9="DFT")["MSH"][8] == "ACK"


@pytest.mark.parametrize(
    ("version", "told"), [("2.2", True), ("2.5.1", True), ("2.6", True), ("2.7", False), ("2.8", False)]
)
def test_msa_3_is_withdrawn_from_2_7(version: str, told: bool):  # noqa: FBT001 - a parameter of the table
    """The reason code stands in MSA-3 up to 2.6."""
    msa = segments(version, **BAD)["MSA"]
    assert ("AMOUNT_SYNTAX" in msa) is told


@pytest.mark.parametrize("version", ["2.3", "2.3.1", "2.4"])
def test_msa_6_stands_in_2_3_and_2_4_only(version: str):
    """`code^text^HL70357`."""
    assert segments(version, **BAD)["MSA"][6] == "102^Data type error^HL70357"
    assert len(segments("2.5", **BAD)["MSA"]) == 4
    assert len(segments("2.2", **BAD)["MSA"]) == 4


def test_err_up_to_2_4_has_one_repeating_field():
    """`FT1^2^11^102&Data type error&HL70357`, one repetition for each fault."""
    err = segments("2.4", FT1_1_11="y", **BAD)["ERR"]
    assert err == ["ERR", "FT1^1^11^102&Data type error&HL70357~FT1^2^11^102&Data type error&HL70357"]


def test_err_from_2_5_has_position_code_reason_and_two_texts():
    """ERR-2 position, ERR-3 table 0357, ERR-4 severity, ERR-5 our code, ERR-7 English, ERR-8 Chinese."""
    err = segments("2.5.1", **BAD)["ERR"]
    assert err[2:5] == ["FT1^2^11", "102^Data type error^HL70357", "E"]
    assert err[5] == "AMOUNT_SYNTAX^The amount is not a number with at most two decimals^XMHUB"
    assert err[7].startswith("The amount is not a number")
    assert err[8].startswith("金额不是")
    assert max(len(err[7]), len(err[8])) <= 120


def test_own_separators_are_kept_in_the_answer():
    """The answer speaks with the separators of the message, and our text is escaped with them."""
    text = original().decode()
    payload = text.replace("|", "#").replace("^", "!").replace("~", "*").replace("&", "%").replace("\\", "?").encode()
    first = answer_durable(accepted(payload)).first
    assert first is not None
    assert first.decode().startswith("MSH#!*?%#XMHUB#XM#HIS#XMZSH#20260703101512+0800##ACK!P03!ACK#A")


def test_control_id_and_sender_are_echoed_verbatim():
    """Never trimmed or re-escaped, however odd."""
    found = segments("2.5.1", MSH_10=" a\\F\\b ", MSH_5="X\\T\\Y", MSH_6="")
    assert found["MSA"][2] == " a\\F\\b "
    assert found["MSH"][2:6] == ["X\\T\\Y", "", "HIS", "XMZSH"]


def test_the_answer_is_written_in_the_charset_of_the_message():
    """A GB18030 sender reads its own characters, and our Chinese text too."""
    payload = changed(MSH_18="GB18030", MSH_5="厦门", **BAD).decode().encode("gb18030")
    first = answer_durable(translate(original(payload), SETTING, NOW)).first
    assert first is not None
    assert "厦门" in first.decode("gb18030")
    assert "金额不是" in first.decode("gb18030")


def test_the_answers_control_id_fits_twenty_characters():
    """`A` or `C` and 18 hex digits."""
    found = segments("2.5.1")["MSH"][9]
    assert len(found) == 19
    assert found[0] == "A"

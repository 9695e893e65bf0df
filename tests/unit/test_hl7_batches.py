"""Batches: envelopes, counts, what refuses all of it, and the one answer (protocols 1.6)."""

from pathlib import Path

import pytest
from hl7_messages import NOW, SETTING, WORKED, WORKED_TEXT, edited

from adapters.hl7.answers import answer_durable
from adapters.hl7.batches import BatchFile, answer_batch, is_batch, read_batch
from adapters.hl7.translation import Refused, in_original_mode, translate
from schemas.reasons import Reason

SAMPLES = Path(__file__).parent.parent / "samples" / "hl7v2" / "python-hl7"
BHS = "BHS|^~\\&|HIS|XMZSH|XMHUB|XM|20260703||||B-1\r"
FHS = "FHS|^~\\&|HIS|XMZSH|XMHUB|XM|20260703||||F-1\r"
BAD = edited(WORKED_TEXT, {"FT1_1_11": "x", "MSH_10": "M2"})


def read(text: str) -> BatchFile:
    """Return the batch, which must be readable."""
    file = read_batch(text.encode())
    assert isinstance(file, BatchFile), file
    return file


def refusal(text: str) -> tuple[Reason, str]:
    """Return reason and code of the refusal of a whole batch."""
    file = read_batch(text.encode())
    assert isinstance(file, Refused), file
    return file.reason, file.reply


def answered(text: str) -> list[str]:
    """Return the lines of the one answer to a batch."""
    file = read(text)
    acks = [answer_durable(in_original_mode(translate(raw, SETTING, NOW))).first or b"" for raw in file.messages]
    return [line for line in answer_batch(file, acks).decode().split("\r") if line]


def test_a_batch_is_answered_by_a_batch():
    """BHS with the inbound BHS-11 as BHS-12, one ACK for each message in order, BTS with the count."""
    lines = answered(BHS + WORKED_TEXT + BAD + "BTS|2\r")
    assert lines[0] == "BHS|^~\\&|XMHUB|XM|HIS|XMZSH|20260703|||||B-1"
    assert [line for line in lines if line.startswith("MSA")] == ["MSA|AA|ZS26070300000871", "MSA|AE|M2|AMOUNT_SYNTAX"]
    assert lines[-1] == "BTS|2"


def test_a_file_is_answered_one_level_up():
    """FHS with FHS-12, its batches, FTS with their number."""
    lines = answered(FHS + BHS + WORKED_TEXT + "BTS|1\r" + BHS + BAD + "BTS\r" + "FTS|2\r")
    assert lines[0] == "FHS|^~\\&|XMHUB|XM|HIS|XMZSH|20260703|||||F-1"
    assert [line[:3] for line in lines if line[:3] in ("BHS", "BTS")] == ["BHS", "BTS", "BHS", "BTS"]
    assert lines[-1] == "FTS|2"


def test_inside_a_batch_only_original_mode_is_used():
    """A message that asks for CA and AA gets one AA."""
    lines = answered(BHS + WORKED_TEXT + "BTS|1\r")
    assert [line for line in lines if line.startswith("MSA")] == ["MSA|AA|ZS26070300000871"]


def test_each_message_keeps_its_own_bytes():
    """What becomes sealed is exactly what was sent for it."""
    assert read(BHS + WORKED_TEXT + "BTS|1\r").messages == (WORKED,)


def test_messages_of_two_charsets_may_share_a_batch():
    """The batch is split on bytes, so a GB18030 message is not hurt by its neighbours."""
    chinese = edited(WORKED_TEXT, {"MSH_18": "GB18030"}).encode("gb18030")
    file = read_batch(BHS.encode() + WORKED + chinese + b"BTS|2\r")
    assert isinstance(file, BatchFile)
    assert file.messages == (WORKED, chinese)


@pytest.mark.parametrize(
    ("text", "reason", "code"),
    [
        (BHS + WORKED_TEXT + "BTS|2\r", Reason.BATCH_COUNT, "AE"),
        (FHS + BHS + WORKED_TEXT + "BTS|1\rFTS|2\r", Reason.BATCH_COUNT, "AE"),
        (BHS + "# comment\r" + WORKED_TEXT + "BTS|1\r", Reason.HEADER_MISSING, "AE"),
        (BHS + "PID|1\rBTS|1\r", Reason.HEADER_MISSING, "AE"),
        (FHS + "FTS|0\r", Reason.HEADER_MISSING, "AE"),
        (BHS + WORKED_TEXT * 1001 + "BTS|1001\r", Reason.BATCH_TOO_LARGE, "AR"),
    ],
)
def test_what_refuses_a_whole_batch(text: str, reason: Reason, code: str):
    """Wrong counts, comments, segments outside a message, more than 1,000 messages."""
    assert refusal(text) == (reason, code)


def test_an_empty_batch_is_answered_by_an_empty_batch():
    """Nothing was sent, nothing is refused."""
    assert answered(BHS + "BTS|0\r")[1:] == ["BTS|0"]


def test_a_thousand_messages_are_read():
    """The limit itself is allowed."""
    assert len(read(BHS + WORKED_TEXT * 1000 + "BTS|1000\r").messages) == 1000


@pytest.mark.parametrize("name", ["sample_bad_batch", "sample_bad_file", "sample_bad_file3"])
def test_samples_whose_message_has_no_header_are_refused(name: str):
    """As their own project refuses them."""
    assert isinstance(read_batch((SAMPLES / f"{name}.hl7").read_bytes()), Refused)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("sample_batch", 1),
        ("sample_batch1", 2),
        ("sample_batch3", 1),
        ("sample_file", 1),
        ("sample_file2", 2),
        ("sample_file5", 1),
    ],
)
def test_samples_with_envelopes_are_read(name: str, count: int):
    """With and without trailers, with messages directly under FHS."""
    payload = (SAMPLES / f"{name}.hl7").read_bytes()
    assert is_batch(payload)
    file = read_batch(payload)
    assert isinstance(file, BatchFile)
    assert len(file.messages) == count

"""hl7apy, an independent implementation, as oracle: equal leaf values on what both read, valid outbound messages."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hl7_messages import CITY_KEY, NOW, SETTING, WORKED, adt, changed, original, setting_for

from adapters.hl7.answers import answer_durable
from adapters.hl7.charset import decode
from adapters.hl7.reader import Message, lines_of, read, unescape
from adapters.hl7.reader import leaf as leaf_of
from adapters.hl7.translation import SANDBOX, Accepted, Refused, Setting, translate
from schemas.reasons import Reason

SAMPLES = Path(__file__).parent.parent / "samples" / "hl7v2"
ENVELOPES = ("sample_bad", "sample_batch", "sample_file")
READABLE = sorted(path for path in SAMPLES.rglob("*.hl7") if not path.name.startswith(ENVELOPES))
VERSIONS = ["2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2"]
_INDEX = re.compile(r".*_(\d+)$")


def number_of(name: str | None) -> int:
    """Return the position in an hl7apy name, FT1_11 or CP_1; a bare data type is the first."""
    match = _INDEX.match(name or "")
    return int(match[1]) if match else 1


def numbered(children: Any) -> list[tuple[int, Any]]:
    """Return children with their positions; parts beyond the version's definition have no name and are left out."""
    if len(children) == 1:
        return [(number_of(children[0].name), children[0])]
    return [(number_of(child.name), child) for child in children if _INDEX.match(child.name or "")]


def oracle_leaves(text: str) -> Iterator[tuple[str, int, int, int, int, int, str]]:
    """Yield every leaf hl7apy reads: segment, occurrence, field, repetition, component, subcomponent, value."""
    from hl7apy.parser import parse_message

    message = parse_message("\r".join(lines_of(text)), find_groups=False)
    seen: dict[str, int] = {}
    for segment in message.children:
        seen[segment.name] = seen.get(segment.name, 0) + 1
        repetitions: dict[int, int] = {}
        for field in segment.children:
            if not _INDEX.match(field.name or ""):
                continue  # withdrawn in this version: hl7apy keeps it without its position
            number = number_of(field.name)
            repetitions[number] = repetitions.get(number, 0) + 1
            for component, part in numbered(field.children):
                for leaf, value in numbered(part.children):
                    yield segment.name, seen[segment.name], number, repetitions[number], component, leaf, value.to_er7()


def ours(
    message: Message, segment: str, occurrence: int, field: int, repetition: int, component: int, leaf: int
) -> str:
    """Return our value of the same leaf."""
    found = message.segments(segment)[occurrence - 1]
    return leaf_of(found.repetitions(field)[repetition - 1], component, leaf, message.separators)


def compared(payload: bytes) -> int:
    """Compare every leaf of a message; return how many there were."""
    decoded = decode(payload)
    assert decoded is not None
    message = read(decoded.text)
    assert message is not None
    count = 0
    for segment, occurrence, field, repetition, component, leaf, value in oracle_leaves(decoded.text):
        if (segment, field) in (("MSH", 1), ("MSH", 2)) or value in ("", '""'):
            continue
        mine = ours(message, segment, occurrence, field, repetition, component, leaf)
        place = (segment, occurrence, field, repetition, component, leaf)
        # hl7apy drops blanks at the end of a segment; they are part of the value.
        assert mine.rstrip() == unescape(value, message.separators).rstrip(), place
        count += 1
    return count


@pytest.mark.parametrize("path", READABLE, ids=lambda path: path.stem)
def test_both_readers_give_equal_leaf_values(path: Path):
    """Every leaf of every sample both accept; what hl7apy refuses we refuse too or read by our own rules."""
    from hl7apy.exceptions import HL7apyException

    payload = path.read_bytes()
    decoded = decode(payload)
    if decoded is None or read(decoded.text) is None:
        with pytest.raises(HL7apyException):
            list(oracle_leaves(decoded.text if decoded else ""))
        assert isinstance(translate(payload, SETTING, NOW), Refused)
        return
    assert compared(payload) >= 5


@pytest.mark.parametrize(
    "payload",
    [
        WORKED,
        changed(MSH_12="2.3"),
        changed(MSH_12="2.8"),
        adt("A01"),
        adt("A03"),
        changed(FT1_1_7="A\\S\\1^b\\T\\c^N"),
    ],
)
def test_our_own_messages_are_read_alike(payload: bytes):
    """The worked message in several versions, visits, and escapes."""
    assert compared(payload) > 30


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "fields",
    [{}, {"FT1_1_11": "x", "FT1_2_11": "18.43"}, {"MSH_4": "NOWHERE"}],
    ids=["AA", "two faults", "quarantine"],
)
@pytest.mark.parametrize("enhanced", [False, True], ids=["original", "enhanced"])
def test_every_answer_is_a_valid_message(version: str, fields: dict[str, str], enhanced: bool):  # noqa: FBT001 - a parameter of the table
    """hl7apy parses each acknowledgement strictly and finds nothing wrong with it, in each version."""
    text = {"MSH_12": version, **fields}
    if version == "2.2":  # MSH-17 and MSH-18 came with 2.3
        text |= {"MSH_17": "", "MSH_18": ""}
    payload = changed(**text) if enhanced else original(changed(**text))
    answer = answer_durable(translate(payload, SETTING, NOW))
    parts = [part for part in (answer.first, answer.application) if part is not None]
    assert len(parts) == (2 if enhanced else 1)
    for part in parts:
        assert valid(part, version)


def valid(ack: bytes, version: str) -> bool:
    """Return whether hl7apy reads an answer strictly as the structure ACK and finds nothing wrong.

    Up to 2.3, MSH-9 is `ACK^event`, which hl7apy takes for the name of a structure; so the structure is named here.
    """
    from hl7apy.consts import VALIDATION_LEVEL
    from hl7apy.core import Message as OracleMessage
    from hl7apy.parser import get_message_info, parse_segments

    text = ack.decode()
    encoding, structure, found = get_message_info(text)
    assert found == version
    assert structure == ("ACK_P03" if version in ("2.2", "2.3") else "ACK")
    message = OracleMessage("ACK", version=version, validation_level=VALIDATION_LEVEL.STRICT, encoding_chars=encoding)
    strict = VALIDATION_LEVEL.STRICT
    message.children = parse_segments(text, version, encoding, strict, message.reference, find_groups=False)
    return bool(message.validate())


def setting_for_samples() -> Setting:
    """Return a sandbox setting with the standard map for the senders of the samples."""
    fields = (
        "fields: {line_id: FT1-2, service_at: FT1-4, kind: FT1-6, item: FT1-7.1,"
        " qty: FT1-10, amount: FT1-11.1.1, unit: FT1-12.1.1}"
    )
    documents = [
        f"profile: {{source_id: '{source}', version: 1, valid_from: 1900-01-01, offset: '+08:00'}}\n{fields}"
        for source in ("IMMAPP@GHHSFacility", "@", "TEST@TEST", "SIMHOSP@SFAC", "ADTApp@GHHSFacility", "REDOX@RDX")
    ]
    return Setting(setting_for(*documents).profiles, CITY_KEY, SANDBOX)


def test_what_each_sample_becomes():
    """Charges in USD are refused, lines without amounts too, later types are not supported; nothing is guessed."""
    setting = setting_for_samples()
    found = {path.stem: translate(path.read_bytes(), setting, NOW) for path in READABLE}
    reasons = {
        name: {fault.reason for fault in translated.faults} if isinstance(translated, Refused) else set()
        for name, translated in found.items()
    }
    assert Reason.CURRENCY in reasons["DFT-P03-01"]
    assert Reason.CURRENCY in reasons["DFT-P03-02"]
    assert Reason.AMOUNT_MISSING in reasons["Hl7FinancialInsuranceTest-5-DFT_P03"]
    assert Reason.VISIT_MISSING in reasons["Hl7FinancialInsuranceTest-5-DFT_P03"]
    assert reasons["dft-amount-in-ft1-7"] == set()
    assert Reason.HEADER_SEPARATORS in reasons["test_parser-8"]
    assert Reason.TYPE_UNSUPPORTED in reasons["test_parser-7"]
    assert reasons["ADT-A40-01"] == {Reason.DIALECT_UNMAPPED}, "its sender has no profile"
    assert Reason.TYPE_UNSUPPORTED in reasons["BAR-P01-01"]
    assert reasons["ADT-A01-01"] == {Reason.TIME_INVALID}, "its event lies in 1989"
    assert isinstance(found["ADT_A01-1"], Accepted)
    assert isinstance(found["ADT04-251"], Accepted)

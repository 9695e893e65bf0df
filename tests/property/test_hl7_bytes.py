"""Any bytes, any split: never a crash, never a hang, always an answer or a defined silence, always a reason."""

from collections.abc import Callable
from itertools import pairwise

from hl7_messages import NOW, SETTING, WORKED, WORKED_TEXT, changed, original, variant
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hl7.answers import answer_busy, answer_durable
from adapters.hl7.batches import is_batch, read_batch
from adapters.hl7.charset import decode
from adapters.hl7.client import read_acknowledgement
from adapters.hl7.frames import CutOff, Frame, FrameDecoder, FrameEvent, Noise, TooLarge, wrap
from adapters.hl7.lint import lint
from adapters.hl7.reader import STANDARD, escape, unescape
from adapters.hl7.translation import Accepted, Refused, refused_oversized, translate
from schemas.commands import PostCharge
from schemas.reasons import Reason

STREAM_BYTES = st.sampled_from([0x0B, 0x1C, 0x0D, 0x0A, 0x00, 0x20, 0x41, 0x42])
STREAMS = st.lists(STREAM_BYTES, max_size=60).map(bytes)
AMOUNTS = st.integers(1, 10_000_000)
WITHIN = variant("product: half_up", "product: within_1_fen")


def events_of(chunks: list[bytes], frame_max: int = 12, noise_max: int = 20) -> list[FrameEvent]:
    """Return what a decoder makes of a stream in these chunks, its end included."""
    decoder = FrameDecoder(frame_max, noise_max)
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return events + decoder.eof()


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """Return the stream in pieces."""
    bounds = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in pairwise(bounds)]


@given(STREAMS, st.lists(st.integers(0, 60), max_size=8))
def test_every_split_of_a_stream_gives_the_same_frames(stream: bytes, places: list[int]):
    """Noise, strays, repeated start bytes, caps and cut-off frames included."""
    assert events_of(cut(stream, places)) == events_of([stream])


@given(STREAMS)
def test_every_single_byte_split_gives_the_same_frames(stream: bytes):
    """Byte by byte is a split too."""
    assert events_of([bytes([byte]) for byte in stream]) == events_of([stream])


def test_the_worked_message_may_be_split_at_every_offset():
    """Two frames, cut once at each of the 1,678 places."""
    stream = wrap(WORKED) * 2
    for place in range(len(stream) + 1):
        assert events_of([stream[:place], stream[place:]], 4096) == [Frame(WORKED), Frame(WORKED)]


@given(st.lists(st.binary(max_size=12).filter(lambda payload: not set(payload) & {0x0B, 0x1C}), max_size=6))
def test_what_was_wrapped_comes_out(payloads: list[bytes]):
    """Frames directly behind each other."""
    assert events_of([b"".join(map(wrap, payloads))]) == [Frame(payload) for payload in payloads]


@given(STREAMS)
def test_nothing_of_a_stream_is_lost_without_a_word(stream: bytes):
    """Every byte is in a frame, counted as noise, or a separator."""
    decoder = FrameDecoder(12, 20)
    events = decoder.feed(stream) + decoder.eof()
    if any(isinstance(event, TooLarge | Noise) for event in events):
        assert decoder.done
        return
    kept = sum(len(event.payload) for event in events if isinstance(event, Frame | CutOff))
    free = sum(stream.count(sign) for sign in (0x0B, 0x1C, 0x0D, 0x0A, 0x00, 0x20))
    assert kept + decoder.skipped + free >= len(stream)


def answered(payload: bytes) -> bytes | None:
    """Return the first answer of whatever the bytes are, and check that a reason comes with each refusal."""
    translated = translate(payload, SETTING, NOW)
    if isinstance(translated, Refused):
        assert isinstance(translated.reason, Reason)
        assert translated.receipt_key
    answer = answer_durable(translated)
    for part in (answer.first, answer.application):
        if part is not None:
            assert b"\x0b" not in part
            assert b"\x1c" not in part
            assert read_acknowledgement(part) is not None
    modes = {translated.header.accept_mode, translated.header.application_mode}
    if modes <= {""} and answer.code:
        assert answer.first is not None
    answer_busy(translated)
    return answer.first


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_any_bytes_are_answered(payload: bytes):
    """Random bytes: an AR with a reason, never an exception."""
    clean = payload.replace(b"\x0b", b"").replace(b"\x1c", b"")
    assert answered(clean) is not None


@given(st.binary(max_size=200))
def test_any_bytes_after_a_header_are_answered(tail: bytes):
    """A readable header followed by anything."""
    head = original().split(b"\r", 1)[0]
    assert answered(head + b"\r" + tail.replace(b"\x0b", b"").replace(b"\x1c", b"")) is not None


EDITS: list[Callable[[str, int, str], str]] = [
    lambda text, at, piece: text[:at] + piece + text[at:],
    lambda text, at, piece: text[:at] + text[at + len(piece) + 1 :],
    lambda text, at, piece: text[:at] + piece + text[at + len(piece) :],
]
PIECES = ["|", "^", "~", "\\", "&", "\r", '""', "-", "0", "9.99", "FT1|", "\x00", "é", "誠", "|||", "\\X4\\"]


@given(
    st.lists(
        st.tuples(st.sampled_from(EDITS), st.integers(0, len(WORKED_TEXT)), st.sampled_from(PIECES)),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=400)
def test_a_damaged_message_is_answered(edits: list[tuple[Callable[[str, int, str], str], int, str]]):
    """The worked message with pieces put in, cut out or written over."""
    text = WORKED_TEXT
    for edit, at, piece in edits:
        text = edit(text, min(at, len(text)), piece)
    for payload in (text.encode(), text.encode("gb18030")):
        answered(payload)
        lint(payload, SETTING, NOW)


@given(st.binary(max_size=300))
def test_any_bytes_can_be_linted_and_split_as_a_batch(tail: bytes):
    """Lint and batch reading take anything too."""
    lint(tail, SETTING, NOW)
    payload = b"BHS|^~\\&|A|B\r" + tail
    assert is_batch(payload)
    read_batch(payload)
    refused_oversized(tail, SETTING)


@given(st.text(max_size=60))
def test_escaped_text_comes_back(text: str):
    """Whatever can be printed survives escape and unescape."""
    printable = "".join(character for character in text if character.isprintable())
    assert unescape(escape(printable, STANDARD), STANDARD) == printable


@given(
    st.text(alphabet="林血细胞分析誠億玘醫院𠮷|^~\\&abc", max_size=20), st.sampled_from(["gb18030", "big5", "utf-8"])
)
def test_text_of_every_charset_comes_back(name: str, codec: str):
    """Decoding happens before splitting: delimiter bytes inside characters do no harm."""
    declared = {"gb18030": "GB18030", "big5": "BIG-5", "utf-8": "UNICODE UTF-8"}[codec]
    text = f"MSH|^~\\&|S|F|R|G|20260703||DFT^P03|1|P|2.5|||||CHN|{declared}\rPID|1||{name}\r"
    try:
        raw = text.encode(codec)
    except UnicodeEncodeError:
        return
    decoded = decode(raw)
    assert decoded is not None
    assert (decoded.text, decoded.charset) == (text, codec)


@given(st.lists(st.tuples(st.integers(1, 99), AMOUNTS), min_size=1, max_size=20))
def test_lines_that_multiply_out_are_read_to_the_fen(lines: list[tuple[int, int]]):
    """Quantity times unit price in exact decimals: the fen of every line comes back."""
    text = "".join(line + "\r" for line in WORKED_TEXT.split("\r") if line and not line.startswith("FT1"))
    for number, (quantity, unit_fen) in enumerate(lines, 1):
        total = quantity * unit_fen
        text += (
            f"FT1|{number}|K{number}||20260703100800+0800||CG|X|||{quantity}|{total // 100}.{total % 100:02d}&CNY"
            f"|{unit_fen // 100}.{unit_fen % 100:02d}\r"
        )
    translated = translate(text.encode(), SETTING, NOW)
    assert isinstance(translated, Accepted)
    assert isinstance(translated.body, PostCharge)
    assert [line.amount_fen for line in translated.body.lines] == [quantity * unit for quantity, unit in lines]


@given(AMOUNTS, AMOUNTS)
def test_an_amount_that_does_not_multiply_out_is_never_booked(unit_fen: int, sent_fen: int):
    """Any difference of a fen is AMOUNT_MISMATCH; one fen is allowed under `within_1_fen` only."""
    sent, unit = (f"{fen // 100}.{fen % 100:02d}" for fen in (sent_fen, unit_fen))
    payload = changed(FT1_1_10="1", FT1_1_11=sent, FT1_1_12=unit)
    strict = translate(payload, SETTING, NOW)
    loose = translate(payload, WITHIN, NOW)
    assert isinstance(strict, Accepted) == (unit_fen == sent_fen)
    assert isinstance(loose, Accepted) == (abs(unit_fen - sent_fen) <= 1)

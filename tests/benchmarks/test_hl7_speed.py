"""What HL7 costs on one core; the bounds are ratios, so that a busy machine does not fail them.

Run with `-s` to see the microseconds. Reference (one idle core): lazy read of a 10-line DFT with integer fen 11 µs.
"""

import sys
import timeit
from collections.abc import Callable

from hl7_messages import NOW, SETTING, WORKED_TEXT, accepted

from adapters.hl7.answers import answer_durable
from adapters.hl7.charset import decode
from adapters.hl7.frames import FrameDecoder, wrap
from adapters.hl7.reader import read
from adapters.hl7.translation import translate
from schemas.money import fen_from_text

TAIL = "250101015^血细胞分析^NHSA|||{n}|{total}&CNY|1.31&CNY|LAB^检验科||||||||D0123^陈^国栋||O7781^HIS"


def dft(count: int) -> bytes:
    """Return a DFT of n lines that multiply out."""
    head = [line for line in WORKED_TEXT.split("\r") if line and not line.startswith("FT1")]
    body = [
        f"FT1|{n}|F{n:06}|B77|20260703100800+0800|20260703101500+0800|CG|"
        + TAIL.format(n=n, total=f"{n * 131 // 100}.{n * 131 % 100:02d}")
        for n in range(1, count + 1)
    ]
    return "".join(line + "\r" for line in head + body).encode()


def microseconds(name: str, work: Callable[[], object], number: int = 20) -> float:
    """Return the best time of one call, and print it."""
    work()
    best = min(timeit.repeat(work, number=number, repeat=50)) / number * 1e6
    sys.stdout.write(f"{name:48}{best:10.1f} us\n")
    return best


def lazy_read(text: str) -> list[int]:
    """Return the fen of every line, read lazily."""
    message = read(text)
    assert message is not None
    return [fen_from_text(segment.value(11)) for segment in message.segments("FT1")]


def test_the_lazy_reader_is_hundreds_of_times_faster_than_the_oracle():
    """Ten lines with integer fen, against hl7apy's whole tree of the same message."""
    from hl7apy.parser import parse_message

    text = dft(10).decode()
    ours = microseconds("lazy read, 10 lines, integer fen", lambda: lazy_read(text))
    theirs = min(timeit.repeat(lambda: parse_message(text, find_groups=False), number=1, repeat=3)) * 1e6
    sys.stdout.write(f"{'hl7apy, 10 lines':48}{theirs:10.1f} us\n")
    assert theirs / ours > 200


def test_the_cost_of_each_stage_of_a_message():
    """Frame, decode, translate and answer of a DFT of five lines; translating stays in proportion to reading."""
    payload = dft(5)
    text = payload.decode()
    message = accepted(payload)
    decoder, frame = FrameDecoder(), wrap(payload)
    microseconds("frame, 5 lines", lambda: decoder.feed(frame))
    microseconds("decode, 5 lines", lambda: decode(payload))
    reading = microseconds("lazy read, 5 lines", lambda: lazy_read(text))
    translating = microseconds("translate to a command, 5 lines", lambda: translate(payload, SETTING, NOW))
    microseconds("translate to a command, 1 line", lambda: translate(dft(1), SETTING, NOW))
    microseconds("answer CA and AA", lambda: answer_durable(message))
    assert translating / reading < 50

"""Frames and charsets: what is cut where, and how bytes become text (protocols 1.1, 1.2)."""

import pytest
from hl7_messages import WORKED_TEXT, accepted, changed, edited

from adapters.hl7.charset import decode
from adapters.hl7.frames import CutOff, Frame, FrameDecoder, Noise, TooLarge, wrap
from schemas.commands import PostCharge


def test_one_frame_is_read():
    """0x0B payload 0x1C 0x0D."""
    assert FrameDecoder().feed(wrap(b"MSH|")) == [Frame(b"MSH|")]


def test_the_carriage_return_after_a_frame_is_optional():
    """Frames directly behind each other, with and without 0x0D, and with strays between."""
    stream = b"\x0ba\x1c\x0bb\x1c\r\x0bc\x1c\r\r\n\x00 \x0bd\x1c"
    decoder = FrameDecoder()
    assert decoder.feed(stream) == [Frame(b"a"), Frame(b"b"), Frame(b"c"), Frame(b"d")]
    assert decoder.skipped == 0


def test_an_empty_frame_is_a_frame():
    """It is told apart from no frame, so that it can be refused."""
    assert FrameDecoder().feed(b"\x0b\x1c\r") == [Frame(b"")]


def test_a_repeated_start_byte_is_ignored_while_the_frame_is_empty():
    """0x0B 0x0B payload is one frame."""
    assert FrameDecoder().feed(b"\x0b\x0b\x0bx\x1c") == [Frame(b"x")]


def test_row_3_a_start_byte_inside_a_frame_cuts_it_off():
    """The open frame is kept as cut off; the new one is read."""
    assert FrameDecoder().feed(b"\x0bhalf\x0bwhole\x1c\r") == [CutOff(b"half"), Frame(b"whole")]


def test_row_3_the_end_of_the_connection_cuts_a_frame_off():
    """Only an open frame with content is anything at all."""
    decoder = FrameDecoder()
    decoder.feed(b"\x0bhalf")
    assert decoder.eof() == [CutOff(b"half")]
    empty = FrameDecoder()
    empty.feed(b"\x0b")
    assert empty.eof() == []


def test_row_1_noise_is_counted_and_ends_the_stream():
    """65,536 bytes are tolerated over the life of a connection, one more ends it."""
    decoder = FrameDecoder()
    assert decoder.feed(b"x" * 65_536) == []
    assert decoder.feed(wrap(b"m")) == [Frame(b"m")]
    assert decoder.feed(b"y") == [Noise(65_537)]
    assert decoder.done
    assert decoder.feed(wrap(b"m")) == []


def test_row_2_a_frame_over_the_cap_ends_the_stream():
    """The cap is counted while reading; exactly the cap is a frame."""
    assert FrameDecoder(8).feed(wrap(b"12345678")) == [Frame(b"12345678")]
    decoder = FrameDecoder(8)
    assert decoder.feed(b"\x0b12345") == []
    assert decoder.feed(b"6789") == [TooLarge(b"12345678")]
    assert decoder.done


def test_a_long_row_of_cut_off_frames_is_read_in_linear_time():
    """A hostile chunk without any end byte costs no more than its length."""
    events = FrameDecoder().feed(b"\x0bA" * 100_000)
    assert len(events) == 99_999


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("UNICODE UTF-8", "utf-8"), ("UNICODE", "utf-8"), ("UTF-8", "utf-8"), ("UTF8", "utf-8"), ("utf-8", "utf-8"),
        ("GB 18030-2000", "gb18030"), ("GB18030", "gb18030"), ("GBK", "gb18030"), ("GB2312", "gb18030"),
        ("GB 2312", "gb18030"), ("BIG-5", "big5"), ("BIG5", "big5"),
    ],
)  # fmt: skip
def test_each_name_of_msh_18_is_understood(name: str, codec: str):
    """The text written in the charset and naming it comes back."""
    simple = str.maketrans(
        "林晓岚陈国栋血细胞检验阿莫药胶", "林子安王大山心電圖檢查中西室藥"
    )  # characters Big5 has too
    text = edited(WORKED_TEXT, {"MSH_18": name}).translate(simple)
    decoded = decode(text.encode(codec))
    assert decoded is not None
    assert (decoded.text, decoded.charset, decoded.unknown_name) == (text, codec, None)


@pytest.mark.parametrize(
    ("character", "codec"),
    [("誠", "gb18030"), ("億", "gb18030"), ("玘", "gb18030"), ("院", "big5"), ("𠮷", "gb18030")],
)
def test_trail_bytes_that_look_like_separators_survive(character: str, codec: str):
    """D5 5C, 83 7C, AB 5E, B0 7C and a four-byte character: the item's name comes back whole."""
    name = "GB18030" if codec == "gb18030" else "BIG5"
    text = f"MSH|^~\\&|HIS|XMDSY|X|Y|20260703||DFT^P03|1|P|2.5||||||{name}\rPID|1||||{character}^{character}\r"
    decoded = decode(text.encode(codec))
    assert decoded is not None
    assert decoded.text == text


def test_a_charset_one_field_early_is_understood():
    """Some senders name it in MSH-17."""
    text = edited(WORKED_TEXT, {"MSH_17": "GB18030", "MSH_18": ""})
    decoded = decode(text.encode("gb18030"))
    assert decoded is not None
    assert decoded.charset == "gb18030"


def test_a_byte_order_mark_is_stripped():
    """One UTF-8 BOM before MSH."""
    decoded = decode(b"\xef\xbb\xbf" + WORKED_TEXT.encode())
    assert decoded is not None
    assert decoded.text == WORKED_TEXT


def test_the_profiles_charset_counts_where_the_message_names_none():
    """A source declared as GB18030 is read so; its answer is written so."""
    payload = edited(WORKED_TEXT, {"MSH_3": "HIS", "MSH_4": "XMDSY", "MSH_17": "", "MSH_18": "", "FT1_3_6": "CG",
                                   "FT1_3_10": "-4", "FT1_3_11": "-5.24"}).encode("gb18030")  # fmt: skip
    message = accepted(payload)
    assert message.header.codec == "gb18030"
    assert isinstance(message.body, PostCharge)
    assert message.body.lines[0].item.name == "血细胞分析"
    assert not message.charset_mismatch


def test_bytes_that_contradict_their_declaration_are_read_and_noted():
    """GB18030 bytes declared as UTF-8 are read, and the mismatch is told."""
    message = accepted(changed().decode().encode("gb18030"))
    assert message.header.codec == "gb18030"
    assert message.charset_mismatch


def test_plain_ascii_needs_no_name():
    """`ASCII` and an empty field mean the source's charset."""
    for name in ("", "ASCII"):
        text = edited(WORKED_TEXT, {"MSH_18": name})
        decoded = decode(text.encode())
        assert decoded is not None
        assert (decoded.charset, decoded.mismatch, decoded.unknown_name) == ("utf-8", False, None)

"""Which charset a message is in (protocols 1.2): the first one that decodes strictly and that the text itself names.

Bytes are never split at `|` before decoding: trail bytes of GB18030 and Big5 collide with HL7's separators.
"""

from typing import Final

import msgspec

from adapters.hl7.header import unglued

UTF_8: Final = "utf-8"
_ORDER: Final = (UTF_8, "gb18030", "big5")
_NAMES: Final = {
    "UNICODE UTF-8": UTF_8,
    "UNICODE": UTF_8,
    "UTF-8": UTF_8,
    "UTF8": UTF_8,
    "GB 18030-2000": "gb18030",
    "GB18030": "gb18030",
    "GBK": "gb18030",
    "GB2312": "gb18030",
    "GB 2312": "gb18030",
    "BIG-5": "big5",
    "BIG5": "big5",
}
_SOURCE_DEFAULT: Final = ("", "ASCII", '""')
_BOM: Final = b"\xef\xbb\xbf"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff", b"M\x00", b"F\x00", b"B\x00", b"\x00M", b"\x00F", b"\x00B")


class Decoded(msgspec.Struct, frozen=True):
    """The text of a message without byte order mark.

    `charset` is the Python codec that was used, `mismatch` says that text or source name another one (the metric
    `charset_mismatch`), `unknown_name` is what MSH-18 says where that is no charset we know (CHARSET_UNKNOWN).
    """

    text: str
    charset: str
    mismatch: bool = False
    unknown_name: str | None = None


def decode(payload: bytes, declared: str = UTF_8) -> Decoded | None:
    """Return the text, or None where no candidate charset decodes the bytes (CHARSET_UNDECODABLE).

    `declared` is the codec of the source's profile. UTF-16 is not supported and gives None.
    """
    body = payload.removeprefix(_BOM)
    if body.startswith(_UTF_16):
        return None
    readable: dict[str, str] = {}
    for candidate in dict.fromkeys((declared, *_ORDER)):
        text = _strictly(body, candidate)
        if text is None:
            continue
        if candidate in _named(text):
            return Decoded(text, candidate, mismatch=candidate != declared)
        readable[candidate] = text
    return _unnamed(readable, declared)


def decode_named_utf_8(payload: bytes) -> str | None:
    """Return the text of UTF-8 bytes whose MSH-18 says so: the usual case, the same whatever the source declares."""
    try:
        text = payload.removeprefix(_BOM).decode(UTF_8)
    except UnicodeDecodeError:
        return None
    fields = text.partition("\r")[0].split(text[3:4] or "|", 18)
    if len(fields) < 18 or _NAMES.get(fields[17]) != UTF_8 or _NAMES.get(fields[16], UTF_8) != UTF_8:
        return None
    return text if text.startswith("MSH") else None


def _unnamed(readable: dict[str, str], declared: str) -> Decoded | None:
    """Choose where no text names its own charset: the source's, then UTF-8, then whatever could be read."""
    for charset in (declared, *_ORDER):
        if charset in readable:
            text = readable[charset]
            name = _charset_field(text)
            unknown = name if name not in _NAMES and name not in _SOURCE_DEFAULT else None
            return Decoded(text, charset, mismatch=charset != declared or bool(_named(text)), unknown_name=unknown)
    return None


def _strictly(body: bytes, charset: str) -> str | None:
    try:
        return body.decode(charset)
    except UnicodeDecodeError:
        return None


def _named(text: str) -> tuple[str, ...]:
    """Return the codecs that MSH-18 and, because some senders put it one field early, MSH-17 name."""
    fields = _header_fields(text)
    names = (_first_name(fields, 18), _first_name(fields, 17))
    return tuple(_NAMES[name] for name in names if name in _NAMES)


def _charset_field(text: str) -> str:
    return _first_name(_header_fields(text), 18)


def _first_name(fields: list[str], number: int) -> str:
    """Return the first repetition of MSH-`number`; MSH-18 may list further charsets for escape sequences."""
    if len(fields) < number:
        return ""
    repetition = fields[1][1:2] or "~"
    return fields[number - 1].split(repetition, 1)[0].strip().upper()


def _header_fields(text: str) -> list[str]:
    """Return the first segment split at its own separator: index n holds MSH-(n+1)."""
    separator = text[3:4]
    if not separator or not text.startswith("MSH"):
        return []
    header = text.split("\r", 1)[0].split("\n", 1)[0]
    return unglued(header).split(separator, 20)

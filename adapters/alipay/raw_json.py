"""The raw text of one object inside an answer, found by reading JSON up to it (protocols 5.1).

A signature covers the bytes as received; JSON written again may differ from them. Braces inside strings and escapes
do not count, since each value is passed over as the JSON reader itself reads it.
"""

import json
from typing import Final

_BLANKS: Final = " \t\n\r"
_VALUES: Final = json.JSONDecoder()


def raw_members(text: str) -> dict[str, str] | None:
    """Return the raw text of each member of the one object that `text` is, or None.

    None for anything that is not exactly one object, and for a member that stands twice: which one was meant?
    """
    try:
        return _members(text)
    except (ValueError, IndexError, RecursionError):
        return None


def _members(text: str) -> dict[str, str] | None:
    found: dict[str, str] = {}
    at = _expect(text, 0, "{")
    if text[_blank(text, at)] == "}":
        return found if _blank(text, _blank(text, at) + 1) == len(text) else None
    while True:
        key, at = _VALUES.raw_decode(text, _expect(text, at, '"') - 1)
        begin = _blank(text, _expect(text, at, ":"))
        _, end = _VALUES.raw_decode(text, begin)
        if key in found:
            return None
        found[key] = text[begin:end]
        at = _blank(text, end)
        if text[at] == "}":
            return found if _blank(text, at + 1) == len(text) else None
        at = _expect(text, at, ",")


def _expect(text: str, at: int, wanted: str) -> int:
    """Return the index after the wanted character, blanks passed over. Raises ValueError for another one."""
    at = _blank(text, at)
    if text[at] != wanted:
        raise ValueError(wanted)
    return at + 1


def _blank(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at

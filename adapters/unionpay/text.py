"""UnionPay's own texts: `k=v&…` with values that hold braces and `=`, and Beijing times (protocols 6.1)."""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

_ZONE = timezone(timedelta(hours=8))
_FORM = "%Y%m%d%H%M%S"


class TextError(ValueError):
    """The text is not `k=v&…`: braces do not balance, a pair has no `=`, or a key stands twice."""


def split_pairs(text: str) -> dict[str, str]:
    """Return the pairs; `&` inside `{…}` belongs to a value, the first `=` ends a key. Raises TextError."""
    pairs: dict[str, str] = {}
    depth, begin = 0, 0
    for index, character in enumerate(text + "&"):
        depth += (character == "{") - (character == "}")
        if depth < 0:
            raise TextError("a brace closes nothing")
        if character == "&" and depth == 0:
            _add(pairs, text[begin:index])
            begin = index + 1
    if begin != len(text) + 1:
        raise TextError("a brace is never closed")
    return pairs


def base_string(parameters: Mapping[str, str]) -> str:
    """Return what is signed: non-empty parameters but `signature`, sorted by key, `k=v` joined with `&`."""
    return "&".join(f"{key}={value}" for key, value in sorted(parameters.items()) if key != "signature" and value)


def text_of(instant: int) -> str:
    """Return an instant (milliseconds) as `yyyyMMddHHmmss` in Beijing."""
    return datetime.fromtimestamp(instant // 1000, _ZONE).strftime(_FORM)


def moment_of(text: str) -> datetime | None:
    """Return the moment of such a text, or None."""
    try:
        return datetime.strptime(text, _FORM).replace(tzinfo=_ZONE)
    except ValueError:
        return None


def _add(pairs: dict[str, str], part: str) -> None:
    key, equals, value = part.partition("=")
    if not equals or key in pairs:
        raise TextError("a pair without `=`, or a key that stands twice")
    pairs[key] = value

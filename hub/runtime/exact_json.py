"""JSON that carries money: exact decimals in and out, and nothing two readers could understand differently.

Numbers with a point or an exponent become `Decimal`, never binary floating point; a repeated key, NaN, Infinity, a lone
surrogate and a control character are refused (protocols 3.2, row 41).
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

_CANONICAL: Final = msgspec.json.Encoder(decimal_format="number", order="sorted")
_PLAIN: Final = msgspec.json.Encoder(decimal_format="number")
_UNSTORABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
DEPTH_MAX: Final = 64
"""Deeper nesting is refused: no document we accept needs a tenth of it."""


class JsonInvalidError(ValueError):
    """The body is not strict JSON; the message names the fault and repeats nothing of the body."""


def read_json(body: bytes) -> Any:
    """Return the document with exact numbers. Raises JsonInvalidError for anything but one strict JSON text."""
    try:
        text = body.decode("utf-8")
        document = json.loads(
            text,
            parse_float=Decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique_keys,
        )
    except UnicodeDecodeError:
        raise JsonInvalidError("the body is not UTF-8") from None
    except RecursionError:
        raise JsonInvalidError("the body is nested too deeply") from None
    except InvalidOperation:
        raise JsonInvalidError("a number is out of every range") from None
    except json.JSONDecodeError as fault:
        raise JsonInvalidError(f"not JSON at line {fault.lineno}, column {fault.colno}") from None
    except JsonInvalidError:
        raise
    except ValueError:
        raise JsonInvalidError("a number has too many digits") from None
    _check(document)
    return document


def is_storable(text: str) -> bool:
    """Return whether a text holds neither control characters nor half a character, wherever it came from."""
    return text.isprintable() or not _UNSTORABLE.search(text)


def write_json(document: Any) -> bytes:
    """Return the document as JSON; a Decimal is written digit by digit as a number."""
    return _PLAIN.encode(document)


def canonical_json(document: Any) -> bytes:
    """Return the one spelling of a document: sorted keys, no blanks, decimals as they were sent."""
    return _CANONICAL.encode(document)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise JsonInvalidError("a key is repeated")
    return document


def _refuse_constant(_name: str) -> Any:
    raise JsonInvalidError("NaN and Infinity are not JSON")


def _check(document: Any) -> None:
    """Refuse what could not be stored or written again: deep nesting and characters that are no text."""
    level = [document]
    for _ in range(DEPTH_MAX):
        following: list[Any] = []
        for node in level:
            if isinstance(node, str):
                if not is_storable(node):
                    raise JsonInvalidError("a string holds a control character or half a character")
            elif isinstance(node, dict | list):
                following.extend(_children(node))
        if not following:
            return
        level = following
    raise JsonInvalidError("the body is nested too deeply")


def _children(node: dict[str, Any] | list[Any]) -> Iterator[Any]:
    if isinstance(node, list):
        yield from node
        return
    for key, value in node.items():
        yield key
        yield value

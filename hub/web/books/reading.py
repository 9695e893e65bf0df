"""One read: a consistent snapshot under the caller's scope, rows in, answers out."""

import base64
import binascii
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg
import msgspec

from hub.runtime.database import EVERYTHING, Scope, transaction
from hub.web.answers import Page, Text
from hub.web.problems import RefusedError
from schemas.reasons import REASONS, Reason, reason_text

Row = Mapping[str, Any]
T = TypeVar("T")
PAGE_MAX = 50


@dataclass(frozen=True, slots=True)
class Slice:
    """Which part of a list is asked for: at most `limit` items after the cursor (newest first)."""

    limit: int = PAGE_MAX
    after: tuple[int, str] | None = None


@asynccontextmanager
async def reading(pool: asyncpg.Pool, scope: Scope = EVERYTHING) -> AsyncIterator[Any]:
    """Yield a connection in a read-only transaction that sees one state of the books, limited to the scope."""
    async with pool.acquire() as connection, transaction(connection, isolation="repeatable_read", readonly=True):
        if scope != EVERYTHING:
            await connection.execute(
                "SELECT set_config('medcredit.institutions', $1, true), set_config('medcredit.banks', $2, true)",
                scope.institutions,
                scope.banks,
            )
        yield connection


def cursor_text(row: Row, at: str, key: str) -> str:
    """Return the cursor that continues after a row."""
    return base64.urlsafe_b64encode(msgspec.json.encode((row[at], row[key]))).decode().rstrip("=")


def cursor_of(text: str) -> tuple[int, str]:
    """Return what a cursor says; raises RefusedError PARAM_INVALID for a text that is none of ours."""
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        at, key = msgspec.json.decode(content, type=tuple[int, str])
    except (binascii.Error, msgspec.DecodeError, ValueError) as fault:
        raise _bad_cursor() from fault
    if not -(2**62) < at < 2**62 or "\x00" in key:
        raise _bad_cursor()
    return at, key


def page_of(rows: Sequence[Row], items: Sequence[T], asked: Slice, at: str, key: str) -> Page[T]:
    """Return a page; `rows` holds one more than the limit when there is a next one."""
    more = len(rows) > asked.limit
    return Page(tuple(items[: asked.limit]), cursor_text(rows[asked.limit - 1], at, key) if more else None)


def not_found() -> RefusedError:
    """Return the refusal of an id under which nothing is stored (or nothing the caller may see)."""
    return RefusedError(Reason.NOT_FOUND)


def text_of(code: str, parameters: Mapping[str, str] | None = None) -> Text:
    """Return the sentence of a reason code in both languages; an unknown code stands for itself."""
    if code not in REASONS:
        return Text(code, code, code)
    reason = Reason(code)
    return Text(code, reason_text(reason, "en", parameters), reason_text(reason, "zh", parameters))


def _bad_cursor() -> RefusedError:
    return RefusedError(Reason.PARAM_INVALID, {"parameter": "after", "expected": "a cursor of this list"})

"""Request bodies with a limit, a deadline and at most one layer of gzip (protocols 3.1, rows 42 and 107)."""

import asyncio
import zlib
from typing import Final

from aiohttp import web

BODY_SECONDS: Final = 30.0
RATIO_MAX: Final = 100
_CHUNK: Final = 64 * 1024


class BodyTooLargeError(Exception):
    """The body, or what it expands to, is over the limit; `head` is what was read of it."""

    def __init__(self, head: bytes = b"") -> None:
        super().__init__("the body is over the limit")
        self.head = head


class BodyEncodingError(Exception):
    """The body is not plain and not a valid gzip stream; `head` is what was read of it."""

    def __init__(self, head: bytes = b"") -> None:
        super().__init__("the body is not plain and not gzip")
        self.head = head


async def read_body(request: web.Request, limit: int, *, keep: bool = False) -> bytes:
    """Return the body, expanded when it is gzip; never holds more than `limit` bytes and one chunk.

    Raises BodyTooLargeError, BodyEncodingError, or a 408 answer when the sender is slower than 30 s. A stated length
    over the limit and an unknown encoding are refused before anything is read, unless `keep` asks for the head.
    """
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    known = encoding in ("identity", "gzip")
    if not known and not keep:
        raise BodyEncodingError
    if request.content_length is not None and request.content_length > limit and not keep:
        raise BodyTooLargeError
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await _limited(request, limit)
    except TimeoutError:
        raise _too_slow() from None
    if not known:
        raise BodyEncodingError(body)
    return _expanded(body, limit) if encoding == "gzip" else body


async def _limited(request: web.Request, limit: int) -> bytes:
    received = bytearray()
    async for chunk in request.content.iter_chunked(_CHUNK):
        received += chunk
        if len(received) > limit:
            raise BodyTooLargeError(bytes(received[: limit + 1]))
    return bytes(received)


def _expanded(body: bytes, limit: int) -> bytes:
    """Return what a gzip stream holds; the expanded size counts, and a ratio above 100 is a bomb."""
    stream = zlib.decompressobj(wbits=31)
    bound = min(limit, len(body) * RATIO_MAX)
    try:
        expanded = stream.decompress(body, bound + 1)
    except zlib.error:
        raise BodyEncodingError(body) from None
    if len(expanded) > bound:
        raise BodyTooLargeError(body)
    if not stream.eof or stream.unused_data:
        raise BodyEncodingError(body)
    return expanded


def _too_slow() -> web.HTTPException:
    answer = web.HTTPRequestTimeout(text="")
    answer.headers["Connection"] = "close"
    return answer


def bearer_token(request: web.Request) -> str:
    """Return the token of `Authorization: Bearer …`, or an empty text."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def language_of(request: web.Request) -> str:
    """Return `zh` when the caller prefers Chinese to English, else `en`."""
    first = request.headers.get("Accept-Language", "").split(",", maxsplit=1)[0].strip().lower()
    return "zh" if first.startswith("zh") else "en"

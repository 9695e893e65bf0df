"""One request to a partner, and the whole body of its answer: what the clients of gateways and sources send with."""

from collections.abc import Mapping

import aiohttp

_ANSWER_BYTES_MAX = 256 * 1024


async def post_form(
    session: aiohttp.ClientSession,
    url: str,
    parameters: Mapping[str, str],
    seconds: float,
    bytes_max: int = _ANSWER_BYTES_MAX,
) -> bytes | None:
    """Return the body of a 200 answer, or None: anything else says nothing about the order. Never raises for it."""
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with session.post(url, data=parameters, timeout=timeout, allow_redirects=False) as answer:
            return await whole_body(answer, bytes_max) if answer.status == 200 else None
    except (aiohttp.ClientError, TimeoutError, OSError):
        return None


async def fetch(session: aiohttp.ClientSession, url: str, seconds: float, bytes_max: int) -> bytes | None:
    """Return the body of a 200 answer to a GET, or None. Never raises for a partner, or an address, without answer."""
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with session.get(url, timeout=timeout, allow_redirects=False) as answer:
            return await whole_body(answer, bytes_max) if answer.status == 200 else None
    except (aiohttp.ClientError, TimeoutError, OSError, UnicodeError):  # the last for a host no name can be
        return None


async def whole_body(answer: aiohttp.ClientResponse, bytes_max: int) -> bytes | None:
    """Return the whole body, or None for one beyond the limit; a single read would end with the first packet."""
    body = bytearray()
    async for piece in answer.content.iter_any():
        body += piece
        if len(body) > bytes_max:
            return None
    return bytes(body)

"""What a clerk at a counter looks up in the hub's read API before they act: accounts, bills, days, batches."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

import aiohttp

from schemas.ids import ACCOUNT_LENGTH

_LOOK_SECONDS: Final = 0.1
_PATIENCE_SECONDS: Final = 60.0
Document = dict[str, Any]


class Desk:
    """Reads; it never writes. What is not there yet is looked for again, as a person presses reload."""

    def __init__(self, web_url: str) -> None:
        """`web_url` is the hub's page, as http://127.0.0.1:8781."""
        self._api = f"{web_url}/api/v1"
        self._session: aiohttp.ClientSession | None = None

    async def read(self, path: str) -> Document:
        """Return what the hub answers below its prefix; empty for anything but 200."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        try:
            async with self._session.get(self._api + path) as answer:
                return dict(await answer.json()) if answer.status == 200 else {}
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return {}

    async def until(self, path: str, holds: Callable[[Document], bool]) -> Document:
        """Return the first answer for which a condition holds; the last one when patience ends."""
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        while True:
            document = await self.read(path)
            if (document and holds(document)) or time.monotonic() > give_up_at:
                return document
            await asyncio.sleep(_LOOK_SECONDS)

    async def bill_of(self, identifier: str, visit: str) -> str:
        """Return the id of the bill of a visit on the account that an id belongs to; empty when there is none."""
        path = f"/persons/{identifier[:ACCOUNT_LENGTH]}/bills"
        found = await self.until(path, lambda page: _of_visit(page, visit) != "")
        return _of_visit(found, visit)

    async def close(self) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()
            self._session = None


def _of_visit(page: Document, visit: str) -> str:
    """Return the newest bill of a visit, or of its mirror on a family payer's line."""
    bills = page.get("items", ())
    return next((each["bill"] for each in bills if each["visit"].partition("~")[0] == visit), "")

"""The sandbox banks: each reads the hub's settlement files of a closed day, advances, and leaves its confirmation.

What a file says is checked by arithmetic of the bank's own: a batch whose lines, totals or SM3 do not hold is refused.
The confirmation is written to the layout that `hub.clearing.settlement_file` documents, not by its code.
"""

import asyncio
import contextlib
import hashlib
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

_LOOK_SECONDS = 1.0
_DAYS = 10
"""So many closed days, the newest first, are looked at."""


class Word(NamedTuple):
    """What a bank says of one batch."""

    batch: str
    paid: bool
    amount_fen: int
    serial: str


class Banks:
    """Every bank that the hub settles with; a day's file is written once, when all batches of the day are open."""

    def __init__(self, web_url: str, inbox: Path) -> None:
        """`web_url` is the hub's page and read API, `inbox` the folder that its clerk reads."""
        self._api = f"{web_url}/api/v1"
        self._inbox = inbox

    async def run(self) -> None:
        """Look again and again until cancelled; a hub that does not answer is asked later."""
        self._inbox.mkdir(parents=True, exist_ok=True)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            while True:
                with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                    await self.look(session)
                await asyncio.sleep(_LOOK_SECONDS)

    async def look(self, session: aiohttp.ClientSession) -> int:
        """Write the files of the days that are ready; return how many."""
        days = await self._get(session, f"/day-closes?limit={_DAYS}")
        count = 0
        for each in days["items"]:
            batches = await self._batches(session, each["day"])
            if all(batch["state"] != "made" for batch in batches):
                count += await self._confirm(session, each["day"], batches)
        return count

    async def _batches(self, session: aiohttp.ClientSession, day: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after = ""
        while True:
            page = await self._get(session, f"/settlement-batches?day={day}{after}")
            found += page["items"]
            if not page["next"]:
                return found
            after = f"&after={page['next']}"

    async def _confirm(self, session: aiohttp.ClientSession, day: str, batches: list[dict[str, Any]]) -> int:
        by_bank: dict[str, list[str]] = defaultdict(list)
        for batch in batches:
            if not self._path(batch["bank"], day).exists():
                by_bank[batch["bank"]].append(batch["batch"])
        for bank, ids in by_bank.items():
            files = [(await self._get(session, f"/settlement-batches/{batch}"))["file"] for batch in sorted(ids)]
            self._write(bank, day, [judged(text) for text in files])
        return len(by_bank)

    def _path(self, bank: str, day: str) -> Path:
        return self._inbox / f"bank-{bank}-{day}.txt"

    def _write(self, bank: str, day: str, words: list[Word]) -> None:
        path = self._path(bank, day)
        scratch = path.with_suffix(".part")
        scratch.write_text(confirmation(bank, day, words), "ascii")
        scratch.replace(path)

    async def _get(self, session: aiohttp.ClientSession, path: str) -> dict[str, Any]:
        async with session.get(self._api + path) as answer:
            answer.raise_for_status()
            return dict(await answer.json())


def judged(text: str) -> Word:
    """Return the bank's word about one settlement file: paid where every figure of it holds."""
    head, *details, last = text.splitlines()
    batch, amount_fen = head[3:35].strip(), _fen(last[46:59])
    credit_fen, returned_fen, carried_fen = (_fen(last[begin : begin + 13]) for begin in (7, 20, 33))
    sums = {letter: sum(_fen(line[40:53]) for line in details if line[7] == letter) for letter in "CR"}
    digest = hashlib.new("sm3", "".join(f"{line}\n" for line in details).encode("ascii")).hexdigest()
    holds = (
        int(last[1:7]) == len(details)
        and (sums["C"], sums["R"]) == (credit_fen, returned_fen)
        and max(0, credit_fen - returned_fen + carried_fen) == amount_fen
        and last[59:] == digest
    )
    return Word(batch, holds, amount_fen if holds else 0, f"ADV{batch[:17]}")


def confirmation(bank: str, day: str, words: list[Word]) -> str:
    """Return the bank's file of one day."""
    body = "".join(f"B{w.batch:<32}{int(w.paid)}{_amount(w.amount_fen)}{w.serial:<20}\n" for w in words)
    digest = hashlib.new("sm3", body.encode("ascii")).hexdigest()
    total = _amount(sum(word.amount_fen for word in words))
    return f"A01{bank:<16}{day.replace('-', '')}\n{body}Z{len(words):06}{total}{digest}\n"


def _amount(fen: int) -> str:
    return f"{'-' if fen < 0 else ' '}{abs(fen):012}"


def _fen(text: str) -> int:
    return -int(text[1:]) if text[0] == "-" else int(text[1:])

"""What each hospital of the city charged, as its own HIS keeps it: a bill list for every city day that is over.

The list is the hospital's, made from what it sent and was answered, never from what the hub booked. One small hospital
gives only its total, as small ones do, and leaves one charge of its first list out of it: the city's planted
difference, which the clerk must find.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Final, NamedTuple

from hub.runtime.clock import Clock

TOTALS_ONLY: Final = "XMFYB"
"""The hospital whose list is its total line alone."""
READY_AFTER_MS: Final = 7 * 3_600_000
"""A list leaves the HIS at seven in the morning of the next day."""
_CITY_ZONE: Final = timezone(timedelta(hours=8))
_WORDS: Final = {"CG": "收费", "CD": "退费"}
_HEADER: Final = "明细号,类型,金额（元）,时间"
_LOOK_SECONDS: Final = 0.5


class Booked(NamedTuple):
    """One line of a hospital's own book; `kind` is FT1-6, the amount is as charged or credited."""

    key: str
    kind: str
    amount_fen: int
    at: int


class HisLists:
    """The hospitals' own books; a line enters its hospital's once the hub has taken the message."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, date], list[Booked]] = defaultdict(list)
        self._written: set[tuple[str, date]] = set()
        self._left_out: Booked | None = None

    def note(self, institution: str, lines: Sequence[tuple[str, str, int]], at: int) -> None:
        """Keep accepted lines, given as key, kind and fen; a repeat of the same message is no new line."""
        rows = self._lines[institution, _day_of(at)]
        known = {(row.key, row.kind, row.amount_fen) for row in rows}
        rows += [Booked(*line, at) for line in lines if line[1] in _WORDS and line not in known]

    async def keep_writing(self, inbox: Path, clock: Clock) -> None:
        """Write the list of each day that is over into the inbox, until cancelled."""
        while True:
            await asyncio.to_thread(self.write_due, inbox, clock.city())
            await asyncio.sleep(_LOOK_SECONDS)

    def write_due(self, inbox: Path, now: int) -> int:
        """Write every list that is due and not written yet; return how many."""
        today = _day_of(now - READY_AFTER_MS)
        due = [place for place in sorted(self._lines) if place[1] < today and place not in self._written]
        inbox.mkdir(parents=True, exist_ok=True)
        for institution, day in due:
            text = self._text(institution, self._lines[institution, day])
            path = inbox / f"his-{institution}-{day.isoformat()}.csv"
            scratch = path.with_suffix(".part")
            scratch.write_text(text, "utf-8")
            scratch.replace(path)
            self._written.add((institution, day))
        return len(due)

    def _text(self, institution: str, rows: Sequence[Booked]) -> str:
        if institution != TOTALS_ONLY:
            lines = [f"{row.key},{_WORDS[row.kind]},{_yuan(row.amount_fen)},{_moment(row.at)}" for row in rows]
            return "".join(f"{line}\n" for line in (_HEADER, *lines, _total(rows)))
        charges = [row for row in rows if row.kind == "CG"]
        if self._left_out is None and len(charges) > 1:
            self._left_out = charges[0]
        return f"{_total([row for row in rows if row != self._left_out])}\n"


def _total(rows: Sequence[Booked]) -> str:
    fen = sum(row.amount_fen if row.kind == "CG" else -row.amount_fen for row in rows)
    return f"#合计,{len(rows)},{'-' if fen < 0 else ''}{_yuan(abs(fen))}"


def _day_of(at: int) -> date:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(_CITY_ZONE).date()


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(_CITY_ZONE).strftime("%Y-%m-%d %H:%M:%S")


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"

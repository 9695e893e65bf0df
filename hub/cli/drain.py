"""When everything has arrived: no command undecided, no errand undone, no debit without a word, the books complete."""

import asyncio
import time
from functools import partial

from hub.cli.books_reader import pending
from hub.runtime.bus import group_lag
from hub.runtime.database import UNREACHABLE
from hub.runtime.settings import Settings
from schemas.errors import TransportError

_QUIET_SECONDS = 3.0
_QUIET_BUT_UNKNOWN_SECONDS = 20.0
"""A gateway's lost word can stay unknown for hours, asked for in ever longer intervals: it is reported, not awaited."""
_LOOK_SECONDS = 0.5


async def drained(settings: Settings, seconds: float, quiet_seconds: float = _QUIET_SECONDS) -> bool:
    """Wait until nothing has moved for `quiet_seconds` and nothing is missing; False when it takes over `seconds`.

    Debits without a final word are waited for until nothing has moved for 20 s.
    """
    deadline, quiet_since, last = time.monotonic() + seconds, time.monotonic(), -1
    while time.monotonic() < deadline:
        commands, debits, complete = await _look(settings)
        if commands != last or not complete:
            quiet_since, last = time.monotonic(), commands
        if time.monotonic() - quiet_since >= (_QUIET_BUT_UNKNOWN_SECONDS if debits else quiet_seconds):
            return True
        await asyncio.sleep(_LOOK_SECONDS)
    return False


async def _look(settings: Settings) -> tuple[int, int, bool]:
    """Return the commands in the log, the debits without a word, and whether all is decided, done and in the books."""
    lag, errands = partial(group_lag, settings.kafka), settings.topics.errands
    try:
        streams = await lag(settings.group("streams"), settings.topics.commands)
        couriers = [await lag(group, errands) for group in (settings.group("courier"), settings.group("relay"))]
        debits, outcomes = await pending(settings)
    except (*UNREACHABLE, TransportError):
        return -1, 0, False
    commands = sum(each.end for each in streams)
    # A courier that was just started again must not be taken for one that has nothing to do.
    behind = sum(each.lag for partitions in (streams, *couriers) for each in partitions)
    return commands, debits, outcomes == commands and not behind

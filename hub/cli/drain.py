"""When everything has arrived: no command undecided, no debit without a word, the books equal to the log."""

import asyncio
import time

from hub.cli.books_reader import pending
from hub.runtime.bus import end_offsets, group_lag
from hub.runtime.database import UNREACHABLE
from hub.runtime.settings import Settings
from schemas.errors import TransportError

_QUIET_SECONDS = 3.0
_LOOK_SECONDS = 0.5


async def drained(settings: Settings, seconds: float) -> bool:
    """Wait until nothing has moved for 3 s and nothing is missing; False when that takes longer than `seconds`."""
    deadline, quiet_since, last = time.monotonic() + seconds, time.monotonic(), -1
    while time.monotonic() < deadline:
        commands, complete = await _look(settings)
        if commands != last or not complete:
            quiet_since, last = time.monotonic(), commands
        if time.monotonic() - quiet_since >= _QUIET_SECONDS:
            return True
        await asyncio.sleep(_LOOK_SECONDS)
    return False


async def _look(settings: Settings) -> tuple[int, bool]:
    """Return the number of commands in the log, and whether each has its outcome in the books."""
    try:
        ends = await end_offsets(settings.kafka, settings.topics.commands)
        lags = await group_lag(settings.kafka, settings.group("streams"), settings.topics.commands)
        debits, outcomes = await pending(settings)
    except (*UNREACHABLE, TransportError):
        return -1, False
    commands = sum(ends.values())
    return commands, not debits and outcomes == commands and not any(each.lag for each in lags)

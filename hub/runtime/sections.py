"""Named critical sections of courier and projector: places where a fault proves something.

A setting holds them open (`chaos_stretch`, refused in production) and makes them log `section_entered` and
`section_left`, so that a test can prove its fault hit inside. Without it a section costs one look-up.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from hub.runtime.logs import get_logger

COURIER_BEFORE_CALL: Final = "courier_before_call"
"""An errand was read; its call has not been checked or made yet."""
COURIER_AFTER_CALL: Final = "courier_after_call"
"""The gateway answered; the result is not durable yet."""
COURIER_BEFORE_COMMIT: Final = "courier_before_commit"
"""The result is durable; the errand's offset is not committed yet."""
COURIER_AFTER_RELAY: Final = "courier_after_relay"
"""A relayed command is durable; its errand's offset is not committed yet."""
PROJECTOR_BEFORE_COMMIT: Final = "projector_before_commit"
"""Rows and position are written, the database transaction is open."""
PROJECTOR_AFTER_COMMIT: Final = "projector_after_commit"
"""The transaction is committed, the projector does not know it yet."""

_log = get_logger("sections")


class CriticalSections:
    """Holds the named sections open for that many milliseconds."""

    def __init__(self, stretch_ms: Mapping[str, int] | None = None) -> None:
        self._stretch_ms = dict(stretch_ms or {})

    async def reach(self, name: str) -> None:
        """Return at once, or after the section's time."""
        milliseconds = self._stretch_ms.get(name)
        if milliseconds is None:
            return
        _log.info("section_entered", section=name)
        await asyncio.sleep(milliseconds / 1000)
        _log.info("section_left", section=name)

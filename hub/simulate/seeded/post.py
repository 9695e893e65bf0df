"""Carries commands from account to account: in order per sender, at times late, now and then once more."""

from typing import Final

from hub.simulate.seeded.fates import Fates
from schemas.commands import Command, Instant
from schemas.errands import RelayErrand

_MINUTE: Final = 60_000
_DELAYS: Final[list[tuple[int, int]]] = [(84, 0), (9, _MINUTE), (5, 10 * _MINUTE), (2, 120 * _MINUTE)]
"""A relay loop that stood still: longer than a charge waits for a payer's answer, at times."""
_AGAIN: Final = 12
"""One in so many relays is delivered twice, as after a crash before the commit."""


class Post:
    """A relay waits behind everything its sender sent before it."""

    def __init__(self, fates: Fates) -> None:
        self._fates = fates
        self._last: dict[str, Instant] = {}

    def carry(self, errand: RelayErrand, at: Instant) -> list[tuple[Instant, Command]]:
        """Return when a relay arrives, once or twice."""
        name = self._fates.nth(f"relay {errand.account} {errand.command.account}")
        delay = self._fates.choose(f"late {name}", _DELAYS)
        arrives_at = max(at + delay, self._last.get(errand.account, 0))
        self._last[errand.account] = arrives_at
        carried = [(arrives_at, errand.command)]
        if self._fates.draw(f"again {name}", _AGAIN) == 0:
            carried.append((arrives_at + _MINUTE, errand.command))
        return carried

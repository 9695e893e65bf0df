"""What the edge tells the MLLP server about one message; the injected function's vocabulary."""

from collections.abc import Awaitable, Callable

import msgspec

from adapters.hl7.translation import Translated
from schemas.reasons import Reason


class Decision(msgspec.Struct, frozen=True):
    """What the books decided: no reason means accepted. `parameters` fill its text; `line` names a line key.

    HUB_BUSY means that the decision was not known in time.
    """

    reason: Reason | None = None
    parameters: dict[str, str] = {}


class Stored(msgspec.Struct, frozen=True):
    """The command or the dead letter is durable; `decision` is awaited for `ack_after: decision`."""

    decision: Awaitable[Decision] | None = None


class Busy(msgspec.Struct, frozen=True):
    """Neither command nor dead letter is durable: the sender keeps the message (HUB_BUSY)."""


Outcome = Stored | Busy
Accept = Callable[[Translated, bytes], Awaitable[Outcome]]
"""Makes a message durable. Called in request order per connection; the bytes are the message without its frame."""
Observe = Callable[[str, str], None]
"""Counts an event by its fixed word, with the source where it is known."""

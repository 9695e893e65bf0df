"""What the MLLP server is told about each message: durable as a command or a dead letter, or HUB_BUSY."""

import contextlib

from adapters.hl7.outcomes import Busy, Decision, Outcome, Stored
from adapters.hl7.translation import Accepted, Refused, Translated
from hub.runtime.durable_log import HubBusyError
from hub.runtime.intake import Intake, Misfit, Receipt
from hub.runtime.metrics import EDGE_CONNECTIONS, EDGE_MESSAGES
from hub.runtime.outcomes import reason_of
from hub.runtime.wire import Inbound
from schemas.reasons import Reason

_CONNECTIONS = {"connection_opened": 1, "connection_closed": -1}
_TAKEN = EDGE_MESSAGES.labels("mllp", "AA")
_STORED = Stored()


class Hl7Acceptance:
    """Makes translated messages durable; the books' answer is awaited where the profile says so."""

    def __init__(self, intake: Intake) -> None:
        """One for all connections of the listener."""
        self._intake = intake

    async def accept(self, translated: Translated, raw: bytes) -> Outcome:
        """Return Stored once command or dead letter is durable, else Busy."""
        try:
            if isinstance(translated, Refused):
                await self._intake.set_aside(_misfit(translated, raw))
                return _STORED
            return await self._command(translated, raw)
        except HubBusyError:
            return Busy()

    async def _command(self, accepted: Accepted, raw: bytes) -> Stored:
        inbound = Inbound(
            id=accepted.command_id,
            account=accepted.account,
            content_hash=accepted.content_hash,
            source=accepted.source,
            receipt_key=accepted.message_key,
            body=accepted.body,
        )
        if not accepted.await_decision:
            await self._intake.store(inbound, raw, "mllp", accepted.profile)
            _TAKEN.inc()
            return _STORED
        receipt = await self._intake.begin(inbound, raw, "mllp", accepted.profile)
        return Stored(_decision(receipt))


async def _decision(receipt: Receipt) -> Decision:
    reply = await receipt()
    if reply is None:
        return Decision(Reason.HUB_BUSY)
    EDGE_MESSAGES.labels("mllp", "AE" if reply.refused else "AA").inc()
    return Decision(reason_of(reply), reply.parameters) if reply.refused else Decision()


def _misfit(refused: Refused, raw: bytes) -> Misfit:
    fault = refused.faults[0]
    return Misfit(
        interface=refused.interface,
        wire="mllp",
        source=refused.source,
        reason=refused.reason,
        receipt_key=refused.receipt_key,
        raw=raw,
        reply_sent=refused.reply,
        detail="; ".join(f"{each.location} {each.reason}".strip() for each in refused.faults),
        position=str(fault.location),
        parameters=fault.parameters,
    )


def observe(event: str, source: str) -> None:
    """Count what the MLLP server sees: connections, and messages by reason."""
    del source
    with contextlib.suppress(KeyError):
        EDGE_CONNECTIONS.labels("mllp").inc(_CONNECTIONS[event])
        return
    EDGE_MESSAGES.labels("mllp", event).inc()

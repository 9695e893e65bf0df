"""What a call brought back, as a command to the account that asked; durable before the errand is done."""

import asyncio
from typing import Final

import msgspec

from hub.runtime.clock import Clock
from hub.runtime.durable_log import DurableLog, HubBusyError
from hub.runtime.logs import get_logger
from hub.runtime.metrics import DEAD_LETTERS
from hub.runtime.sealing import Sealer
from hub.runtime.wire import CallOutcome
from schemas.commands import Command, RecordFeedbackResult, RecordGatewayResult
from schemas.dead_letters import DeadLetter
from schemas.errands import FeedbackErrand
from schemas.ids import message_hash, sm3_hex
from schemas.topics import Topics
from streams.courier.gateways import OutsideErrand

INTERFACE: Final = "pay"
Result = RecordGatewayResult | RecordFeedbackResult
_RETRY_SECONDS: Final = 0.5
_log = get_logger("courier")


def result_command(errand: OutsideErrand, result: Result, clock: Clock) -> Command:
    """Return the command that carries a result; the same word about the same errand has the same id.

    When the call left is not part of that word: a redelivered errand that hears the same again repeats the id.
    """
    word = sm3_hex(msgspec.json.encode(msgspec.structs.replace(result, sent_wall_at=0)))
    return Command(
        id=message_hash("result", errand.id, word),
        account=errand.account,
        accepted_at=clock.city(),
        accepted_wall_at=clock.wall(),
        source=f"courier@{errand.channel}",
        interface="courier",
        content_hash=word,
        body=result,
    )


def _number(errand: OutsideErrand) -> str:
    """Return by which the other side recognises the call."""
    return errand.message if isinstance(errand, FeedbackErrand) else errand.order_no


class Results:
    """Puts results on `commands`, and answers that cannot be believed, sealed, on `dead-letters`."""

    def __init__(self, log: DurableLog, sealer: Sealer, clock: Clock, topics: Topics) -> None:
        """`log` is started and stopped by the caller."""
        self._log = log
        self._sealer = sealer
        self._clock = clock
        self._topics = topics

    async def keep(self, errand: OutsideErrand, outcome: CallOutcome) -> None:
        """Return once the result is durable; while the broker is away, try again for ever."""
        if outcome.fault is not None:
            await self._append(self._topics.dead_letters.name, INTERFACE, self._letter(errand, outcome))
            DEAD_LETTERS.labels(INTERFACE, outcome.fault.value).inc()
        command = result_command(errand, outcome.result, self._clock)
        await self._append(self._topics.commands.name, command.account, msgspec.json.encode(command))

    def _letter(self, errand: OutsideErrand, outcome: CallOutcome) -> bytes:
        reason = outcome.fault.value if outcome.fault is not None else ""
        received = sm3_hex(outcome.received)
        receipt_key = message_hash(errand.id, received)
        sealed = self._sealer.seal(INTERFACE, receipt_key, outcome.received)
        letter = DeadLetter(
            id=message_hash(INTERFACE, receipt_key, reason),
            at=self._clock.city(),
            wall_at=self._clock.wall(),
            interface=INTERFACE,
            source=errand.channel,
            reason=reason,
            detail=outcome.detail,
            receipt_key=receipt_key,
            raw_sealed=sealed.envelope,
            raw_length=sealed.length,
            raw_sm3=sealed.sm3,
            account=errand.account,
            parameters={"errand": errand.id, "order": _number(errand)},
        )
        return msgspec.json.encode(letter)

    async def _append(self, topic: str, key: str, value: bytes) -> None:
        headers = [("interface", key.encode())] if topic == self._topics.dead_letters.name else []
        while True:
            try:
                await self._log.append(topic, key.encode(), value, headers)
            except HubBusyError:
                # It may have become durable all the same: the account recognises the repeat by its id.
                _log.warning("result_waits", topic=topic, wait_ms=int(_RETRY_SECONDS * 1000))
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

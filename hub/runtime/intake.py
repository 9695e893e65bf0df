"""From a translated message to a durable command: one message, one record, one durability point (architecture 5).

Every inbound wire ends here. What returns without HubBusyError is durable; what raises it was not confirmed and is kept
by its sender. Nothing is looked up: the record is a function of the message and the two clocks.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from hub.runtime.clock import Clock
from hub.runtime.durable_log import DurableLog, HubBusyError
from hub.runtime.metrics import DEAD_LETTERS
from hub.runtime.replies import ReplyDesk
from hub.runtime.sealing import Sealed, Sealer
from hub.runtime.wire import Inbound
from schemas.commands import Command, Interface, ReplyTo
from schemas.dead_letters import DeadLetter, DeadLetterInterface
from schemas.ids import message_hash, sm3_hex
from schemas.reasons import Reason
from schemas.replies import Reply
from schemas.topics import Topics

_UNSEALED: Final = frozenset({"score"})
"""Interfaces whose bytes are never kept, only their length and SM3: they hold score values (architecture 12)."""
_encode = msgspec.json.Encoder().encode


class Misfit(NamedTuple):
    """A refused message on its way to the dead letters.

    `wire` is the interface it came by; the letter's own may be a quarantine or an incident. `parameters` fill the
    reason's text and hold nothing of a person.
    """

    interface: DeadLetterInterface
    wire: DeadLetterInterface
    source: str
    reason: Reason
    receipt_key: str
    raw: bytes
    reply_sent: str
    detail: str = ""
    position: str = ""
    parameters: Mapping[str, str] = MappingProxyType({})


Receipt = Callable[[], Awaitable[Reply | None]]


class Intake:
    """The only writer of `commands` and of the refusals among the dead letters."""

    def __init__(
        self, log: DurableLog, desk: ReplyDesk, sealer: Sealer, clock: Clock, topics: Topics, wait_seconds: float
    ) -> None:
        """`wait_seconds` bounds the wait for an outcome, counted from the moment the command is durable."""
        self._log = log
        self._desk = desk
        self._sealer = sealer
        self._clock = clock
        self._commands = topics.commands.name
        self._dead_letters = topics.dead_letters.name
        self._wait_seconds = wait_seconds

    @property
    def ready(self) -> bool:
        """Whether commands can be made durable and replies be awaited."""
        return self._log.connected and self._desk.ready

    def now(self) -> int:
        """Return the city time in milliseconds."""
        return self._clock.city()

    async def store(self, inbound: Inbound, raw: bytes, interface: Interface, profile: str = "") -> None:
        """Make the command durable. Raises HubBusyError."""
        await self._append(self._command(inbound, raw, interface, profile, None))

    async def decide(self, inbound: Inbound, raw: bytes, interface: Interface, profile: str = "") -> Reply | None:
        """Make the command durable and return its outcome, or None when it is not known in time.

        Raises HubBusyError when it is not durable, or when nobody could hear the outcome.
        """
        return await (await self.begin(inbound, raw, interface, profile))()

    async def begin(self, inbound: Inbound, raw: bytes, interface: Interface, profile: str = "") -> Receipt:
        """Make the command durable and return how its outcome is awaited; await the receipt exactly once.

        Raises HubBusyError.
        """
        if not self._desk.ready:
            raise HubBusyError
        address, future = self._desk.expect(inbound.id)
        try:
            await self._append(self._command(inbound, raw, interface, profile, address))
        except BaseException:
            self._desk.forget(address)
            raise
        return lambda: self._outcome(address, future)

    async def set_aside(self, misfit: Misfit) -> None:
        """Make a dead letter durable; the same message refused twice is one letter. Raises HubBusyError."""
        letter = self._letter(misfit)
        headers = [("interface", letter.interface.encode())]
        await self._log.append(self._dead_letters, letter.interface.encode(), _encode(letter), headers)
        DEAD_LETTERS.labels(letter.interface, letter.reason).inc()

    async def _outcome(self, address: ReplyTo, future: "asyncio.Future[Reply]") -> Reply | None:
        try:
            async with asyncio.timeout(self._wait_seconds):
                return await future
        except TimeoutError:
            return None
        finally:
            self._desk.forget(address)

    async def _append(self, command: Command) -> None:
        await self._log.append(self._commands, command.account.encode(), _encode(command))

    def _command(
        self, inbound: Inbound, raw: bytes, interface: Interface, profile: str, reply: ReplyTo | None
    ) -> Command:
        return Command(
            id=inbound.id,
            account=inbound.account,
            accepted_at=self._clock.city(),
            accepted_wall_at=self._clock.wall(),
            source=inbound.source,
            interface=interface,
            content_hash=inbound.content_hash,
            body=inbound.body,
            profile=profile,
            reply=reply,
            sealed="" if interface in _UNSEALED else self._sealer.envelope(interface, inbound.receipt_key, raw),
            receipt_key=inbound.receipt_key,
        )

    def _letter(self, misfit: Misfit) -> DeadLetter:
        sealed = self._sealed(misfit.wire, misfit.receipt_key, misfit.raw)
        return DeadLetter(
            id=message_hash("refused", misfit.interface, misfit.receipt_key, misfit.reason),
            at=self._clock.city(),
            wall_at=self._clock.wall(),
            interface=misfit.interface,
            source=misfit.source,
            reason=misfit.reason,
            detail=misfit.detail,
            receipt_key=misfit.receipt_key,
            raw_sealed=sealed.envelope,
            reply_sent=misfit.reply_sent,
            raw_length=sealed.length,
            raw_sm3=sealed.sm3,
            position=misfit.position,
            parameters=dict(misfit.parameters),
            wire="" if misfit.wire == misfit.interface else misfit.wire,
        )

    def _sealed(self, wire: str, receipt_key: str, raw: bytes) -> Sealed:
        if wire in _UNSEALED:
            return Sealed("", len(raw), sm3_hex(raw))
        return self._sealer.seal(wire, receipt_key, raw)

"""One payload from translation to its answers; no sockets in here."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from adapters.hl7.answers import Answer, answer_busy, answer_decided, answer_durable, answer_stored, decision_fault
from adapters.hl7.batches import BatchFile, answer_batch, is_batch, read_batch
from adapters.hl7.faults import Fault
from adapters.hl7.outcomes import Accept, Busy, Observe, Outcome
from adapters.hl7.translation import Accepted, Refused, Setting, Translated, in_original_mode, translate

_AT_ONCE: Final = 64
"""Messages of one batch in flight."""


class Caller(Protocol):
    """The connection a payload came over."""

    def speaks_for(self, source: str) -> bool:
        """Return whether this connection may send for the source: at most 32 connections may."""

    def stored(self, answer: Answer) -> None:
        """Take the accept acknowledgement while the decision is still awaited."""


class Conversation:
    """How payloads are judged and answered: shared by all connections of a listener."""

    def __init__(self, setting: Setting, accept: Accept, now: Callable[[], int], observe: Observe) -> None:
        self._setting = setting
        self._accept = accept
        self._now = now
        self._observe = observe

    @property
    def setting(self) -> Setting:
        """The profiles, key and limits every message is judged by."""
        return self._setting

    async def hold(self, payload: bytes, caller: Caller) -> Answer:
        """Return the last answer to a payload; the caller is told the accept answer as soon as that is due."""
        if is_batch(payload):
            return await self._hold_batch(payload, caller)
        translated = translate(payload, self._setting, self._now())
        return await self.judge(translated, payload, caller)

    async def judge(self, translated: Translated, raw: bytes, caller: Caller) -> Answer:
        """Return the last answer to one translated message, after it is durable or could not be made so."""
        self._note(translated)
        if translated.source and not caller.speaks_for(translated.source):
            self._observe("connections_exceeded", translated.source)
            return msgspec.structs.replace(answer_busy(translated), close=True)
        outcome = await self._accept(translated, raw)
        if isinstance(outcome, Busy):
            self._observe("hub_busy", translated.source)
            return answer_busy(translated)
        if isinstance(translated, Accepted) and outcome.decision is not None:
            if translated.header.enhanced:
                caller.stored(answer_stored(translated))
            return answer_decided(translated, await _decided(translated, outcome))
        return answer_durable(translated)

    async def _hold_batch(self, payload: bytes, caller: Caller) -> Answer:
        """Answer a batch as one: each message is processed on its own, in order, in original mode."""
        file = read_batch(payload)
        if isinstance(file, Refused):
            return await self.judge(file, payload, caller)
        return await self._answer_file(file, caller)

    async def _answer_file(self, file: BatchFile, caller: Caller) -> Answer:
        now, answers = self._now(), list[Answer]()
        for start in range(0, len(file.messages), _AT_ONCE):
            # In parts, so that other connections have their turn and the window of the log is not flooded.
            part = file.messages[start : start + _AT_ONCE]
            cases = [(in_original_mode(translate(raw, self._setting, now)), raw) for raw in part]
            answers += await asyncio.gather(*(self.judge(translated, raw, caller) for translated, raw in cases))
        if any(answer.close for answer in answers):
            return Answer(close=True)
        acks = [answer.first or b"" for answer in answers]
        return Answer(answer_batch(file, acks), code="AA")

    def _note(self, translated: Translated) -> None:
        if isinstance(translated, Refused):
            self._observe(translated.reason.value, translated.source)
        elif translated.charset_mismatch:
            self._observe("charset_mismatch", translated.source)
        header = translated.header
        if header.accept_mode == header.application_mode == "NE":
            self._observe("silent_source", translated.source)


async def _decided(accepted: Accepted, outcome: Outcome) -> Fault | None:
    if isinstance(outcome, Busy) or outcome.decision is None:
        return None
    decision = await outcome.decision
    if decision.reason is None:
        return None
    return decision_fault(accepted, decision.reason, decision.parameters)

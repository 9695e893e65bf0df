"""A dead letter on its way again: its unsealed bytes go through the same translation and the same lane (protocols 11).

The new command has the id hash(dead letter, n) and cites the letter; line keys, order states and message keys still
hold, so what was booked meanwhile is recognised and posts nothing.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from adapters.alipay import translation as alipay
from adapters.fhir.bundle import translate_bundle
from adapters.fhir.context import Context
from adapters.fhir.faults import FhirFaultError
from adapters.fhir.translate import read_document, translate_body
from adapters.hl7 import translation as hl7
from adapters.hl7.batches import is_batch
from adapters.hl7.profile import SHIPPED as SHIPPED_PROFILES
from adapters.hl7.profile import load_profiles
from adapters.unionpay import translation as unionpay
from hub.cli.letters import Letter, RefusedByDeskError
from hub.roles.gateways import alipay_access, unionpay_access
from hub.runtime.bus import committed_consumer, log_client, unreachable
from hub.runtime.clock import Clock
from hub.runtime.durable_log import DurableLog, HubBusyError
from hub.runtime.guomi.vault import open_provider
from hub.runtime.http_sources import SHIPPED as SHIPPED_SOURCES
from hub.runtime.http_sources import load_http_sources
from hub.runtime.replies import ReplyDesk
from hub.runtime.sealing import Sealer
from hub.runtime.settings import Settings
from hub.runtime.wire import HttpAnswer, Inbound, Refusal
from schemas.commands import Command
from schemas.ids import message_hash
from schemas.reasons import Reason
from schemas.replies import Reply

_FORM: Final = "application/x-www-form-urlencoded"
_REPLY_SECONDS: Final = 10.0
_READ_SECONDS: Final = 30.0
_SLOT: Final = 0
_HL7_STARTS: Final = (b"MSH", b"FHS", b"BHS")


class Translated(NamedTuple):
    """What a letter means now: the command's content, and the profile it was read with."""

    inbound: Inbound
    profile: str


class Reinjector:
    """Opens letters, translates them as the edge does, and appends their commands."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Raises ConfigurationError or KeyRingError when the keys cannot be used."""
        self._settings = settings
        self._clock = clock
        self._sealer = Sealer(open_provider(settings))

    def original(self, letter: Letter) -> bytes:
        """Return the bytes as they came; raises RefusedByDeskError where none, or not all, were kept.

        Raises SealError when the key that sealed them is gone.
        """
        if not letter.raw_sealed:
            raise _impossible("its bytes were not kept")
        raw = self._sealer.open(letter.wire, letter.receipt_key, letter.raw_sealed)
        if letter.raw_length > len(raw):
            raise _impossible(f"only {len(raw)} of its {letter.raw_length} bytes were kept")
        return raw

    def _translated(self, letter: Letter, raw: bytes) -> Translated:
        if letter.wire == "commands":
            return _buried(raw)
        if raw.startswith(_HL7_STARTS):
            return self._hl7(raw)
        if raw.lstrip()[:1] == b"{" and letter.wire != "api":
            return self._fhir(letter, raw)
        if letter.wire in ("pay", "alipay", "unionpay", "reinjection"):
            return self._notice(raw)
        raise _impossible(f"nothing translates bytes of {letter.wire} again")

    async def _logged(self, place: tuple[int, int]) -> Translated:
        at = TopicPartition(self._settings.topics.commands.name, place[0])
        consumer = committed_consumer(self._settings.kafka, "reinjection")
        try:
            async with asyncio.timeout(_READ_SECONDS):
                await consumer.start()
                consumer.assign([at])
                if (await consumer.beginning_offsets([at]))[at] > place[1]:
                    raise _impossible("its command is older than the log")
                consumer.seek(at, place[1])
                record = await consumer.getone(at)
        except (KafkaError, OSError, TimeoutError) as error:
            raise unreachable(self._settings.kafka) from error
        finally:
            await consumer.stop()
        return _as_it_was(msgspec.json.decode(record.value, type=Command))

    async def command(self, letter: Letter, number: int, place: tuple[int, int] | None) -> Command:
        """Return the n-th re-injection of a letter: the same letter and number give the same id.

        `place` is where the log holds the command a lane refused: used where no bytes can be translated again.
        Raises RefusedByDeskError where the adapter still refuses the bytes, or nothing is left to be sent.
        """
        raw = b""
        if letter.wire == "api" or not letter.raw_sealed:
            if place is None:
                raise _impossible("no command was made of it")
            translated = await self._logged(place)
        else:
            raw = self.original(letter)
            translated = self._translated(letter, raw)
        return self._command(letter, number, translated, raw)

    def _command(self, letter: Letter, number: int, translated: Translated, raw: bytes) -> Command:
        inbound = translated.inbound
        sealed = self._sealer.seal("reinjection", inbound.receipt_key, raw).envelope if raw else ""
        return Command(
            id=command_id(letter.id, number),
            account=inbound.account,
            accepted_at=self._clock.city(),
            accepted_wall_at=self._clock.wall(),
            source=inbound.source,
            interface="reinjection",
            content_hash=inbound.content_hash,
            body=inbound.body,
            profile=translated.profile,
            sealed=sealed,
            receipt_key=inbound.receipt_key,
            reinjects=letter.id,
        )

    async def send(self, command: Command, durable: Callable[[], Any]) -> Reply | None:
        """Append the command, call `durable` once it is, and return its outcome; None when it is not known in time.

        Raises TransportError when the broker does not confirm; sending the same letter again is then safe.
        """
        kafka, topics = self._settings.kafka, self._settings.topics
        desk = ReplyDesk(lambda: committed_consumer(kafka, "reinjection-replies"), topics.replies, _SLOT)
        log = DurableLog(lambda: log_client(kafka, "reinjection"), wait_seconds=_REPLY_SECONDS)
        try:
            log.start()
            desk.start()
            address, future = desk.expect(command.id)
            await _until_ready(log, desk)
            value = msgspec.json.encode(msgspec.structs.replace(command, reply=address))
            await log.append(topics.commands.name, command.account.encode(), value)
            await durable()
            return await _within(future)
        except (HubBusyError, OSError, TimeoutError) as error:
            raise unreachable(self._settings.kafka) from error
        finally:
            await desk.stop()
            await log.stop()

    def _hl7(self, raw: bytes) -> Translated:
        if is_batch(raw):
            raise _impossible("it is a batch, whose messages are sent one by one")
        settings = self._settings
        setting = hl7.Setting(
            profiles=load_profiles(settings.institutions_dir or SHIPPED_PROFILES),
            city_key=settings.city_key_bytes,
            processing_ids=hl7.PRODUCTION if settings.profile == "production" else hl7.SANDBOX,
        )
        found = hl7.translate(raw, setting, self._clock.city())
        if isinstance(found, hl7.Refused):
            raise RefusedByDeskError(found.reason, found.faults[0].parameters)
        inbound = Inbound(
            found.command_id, found.account, found.content_hash, found.source, found.message_key, found.body
        )
        return Translated(inbound, found.profile)

    def _fhir(self, letter: Letter, raw: bytes) -> Translated:
        sources = load_http_sources(self._settings.edge.sources_file or SHIPPED_SOURCES)
        source = next((each for each in sources if each.source_id == letter.source), None)
        if source is None:
            raise _impossible(f"its source {letter.source} is not configured any more")
        context = Context(source, sources, self._settings.city_key_bytes, self._clock.city())
        try:
            kind = str(read_document(raw).get("resourceType", ""))
            if kind != "Bundle":
                return Translated(translate_body(kind, raw, context).inbound, source.profile)
            whole = translate_bundle(raw, context).whole
        except FhirFaultError as fault:
            raise RefusedByDeskError(fault.reason, fault.parameters) from None
        if whole is None:
            raise _impossible("it is a batch, whose entries are sent one by one")
        return Translated(whole, source.profile)

    def _notice(self, raw: bytes) -> Translated:
        gateways = self._settings.gateways
        if b"signPubKeyCert=" in raw:
            judged = unionpay.judge(unionpay_access(gateways.unionpay), raw, _FORM)
        else:
            judged = alipay.judge(alipay_access(gateways.alipay), raw, _FORM)
        if isinstance(judged, Refusal):
            raise RefusedByDeskError(judged.reason)
        if isinstance(judged, HttpAnswer):
            raise _impossible("it is a notice of a kind nobody handles")
        return Translated(judged, "")


def command_id(letter: str, number: int) -> str:
    """Return the id of the n-th re-injection of a dead letter."""
    return message_hash("reinjection", letter, str(number))


def _buried(raw: bytes) -> Translated:
    """Return the command a lane could not take as its own: whole, but in another partition than its account's."""
    try:
        return _as_it_was(msgspec.json.decode(raw, type=Command))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise _impossible("its bytes are no command") from None


def _as_it_was(command: Command) -> Translated:
    inbound = Inbound(
        id=command.id,
        account=command.account,
        content_hash=command.content_hash,
        source=command.source,
        receipt_key=command.receipt_key,
        body=command.body,
    )
    return Translated(inbound, command.profile)


def _impossible(why: str) -> RefusedByDeskError:
    return RefusedByDeskError(Reason.NOT_REINJECTABLE, {"why": why})


async def _until_ready(log: DurableLog, desk: ReplyDesk) -> None:
    async with asyncio.timeout(_REPLY_SECONDS):
        while not (log.connected and desk.ready):  # noqa: ASYNC110 - the broker announces nothing
            await asyncio.sleep(0.02)


async def _within(future: "asyncio.Future[Reply]") -> Reply | None:
    try:
        async with asyncio.timeout(_REPLY_SECONDS):
            return await future
    except TimeoutError:
        return None

"""The role `courier`: calls gateways and score sources, one call per errand; relays commands (architecture 2, 12).

Two loops with two consumer groups, so that relays never wait behind a gateway call. Ends with 0 after SIGTERM, 70 when
Kafka failed or something unexpected happened, 78 when an errand or a key file cannot be read.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Mapping
from typing import Any, Final

import aiohttp
import uvloop
from aiokafka.errors import KafkaError

from adapters.alipay.client import AlipayClient
from adapters.scores.access import FeedAccess
from adapters.scores.feedback import FeedbackClient
from adapters.unionpay.client import UnionPayClient
from hub.roles.gateways import alipay_access, unionpay_access
from hub.runtime import bus
from hub.runtime.clock import Clock, open_clock
from hub.runtime.durable_log import DurableLog
from hub.runtime.guomi import KeyRingError, SoftwareProvider
from hub.runtime.guomi.vault import open_provider
from hub.runtime.health import Check, serve_health
from hub.runtime.logs import configure_logging, get_logger
from hub.runtime.score_sources import load_score_sources
from hub.runtime.sealing import Sealer
from hub.runtime.sections import CriticalSections
from hub.runtime.settings import Settings
from schemas.errors import ConfigurationError, TransportError, setting_invalid
from schemas.reasons import Reason
from streams.courier.calls import CallWorker
from streams.courier.faults import EXIT_STOPPED, CourierError
from streams.courier.gateways import Gateway, ScoreDesk
from streams.courier.relays import RelayWorker
from streams.courier.results import Results

_LEAVE_SECONDS: Final = 1.5
_log = get_logger("courier")


def main(settings: Settings) -> int:
    """Run the courier until SIGTERM; return its exit status, 78 for a missing or bad key file."""
    configure_logging("courier", settings.log_level, settings.log_format)
    status: int = uvloop.run(run(settings))
    return status


async def run(settings: Settings) -> int:
    """Run in a running loop; return the exit status. The process must end with it."""
    courier = Courier(settings, open_clock(settings))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, courier.stop)
    async with serve_health(settings.health, "courier", courier.checks()):
        try:
            await courier.run()
        except (CourierError, ConfigurationError) as error:
            _log.error("courier_stopped", exit_code=error.exit_code, error=str(error))
            return error.exit_code
        except (KafkaError, OSError) as error:
            _log.error("courier_stopped", exit_code=EXIT_STOPPED, fault=type(error).__name__, error=str(error))
            return EXIT_STOPPED
        except Exception:  # noqa: BLE001 - the shell of the role: a defect ends the process
            _log.exception("courier_stopped", exit_code=EXIT_STOPPED)
            return EXIT_STOPPED
    return 0


def gateways(settings: Settings, session: aiohttp.ClientSession, clock: Clock) -> Mapping[str, Gateway]:
    """Return the client of each gateway the settings name. Raises ConfigurationError for a missing or bad key file."""
    found: dict[str, Gateway] = {}
    if settings.gateways.alipay.endpoint:
        found["alipay"] = AlipayClient(alipay_access(settings.gateways.alipay), session, clock.wall)
    if settings.gateways.unionpay.endpoint:
        found["unionpay"] = UnionPayClient(unionpay_access(settings.gateways.unionpay), session, clock.wall)
    return found


def score_desks(
    settings: Settings, provider: SoftwareProvider, session: aiohttp.ClientSession, clock: Clock
) -> Mapping[str, ScoreDesk]:
    """Return where each score source is told things, by channel; ConfigurationError without a key to say it under."""
    try:
        return {
            f"score-{source.name}": FeedbackClient(FeedAccess(provider, source), session, clock.wall)
            for source in load_score_sources(settings.sm.scores_file)
            if source.feedback_url
        }
    except KeyRingError as fault:
        raise setting_invalid("MEDCREDIT_SM__RING_FILE", str(fault), "Add the key to the ring.") from fault


class Courier:
    """One courier process: the loop that calls and the loop that relays."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Raises ConfigurationError when the key ring cannot be used; nothing is started yet."""
        self._settings = settings
        self._clock = clock
        self._provider = open_provider(settings)
        client = f"courier-{os.getpid()}"
        kafka = settings.kafka
        self._calls = bus.committed_consumer(kafka, client, group=settings.group("courier"))
        self._relays = bus.committed_consumer(kafka, client, group=settings.group("relay"))
        self._relay_producer = bus.durable_producer(kafka, f"{client}-relay")
        self._log = DurableLog(lambda: bus.log_client(kafka, client))
        self._workers: tuple[CallWorker, RelayWorker] | None = None
        self._told = False

    def stop(self) -> None:
        """Drain: no further call, those under way end and their results become durable. Idempotent."""
        self._told = True
        for worker in self._workers or ():
            worker.stop()

    async def run(self) -> None:
        """Work until `stop`; raises what made it impossible to go on."""
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            calls = self._call_worker(session)
            relays = self._relay_worker()
            try:
                await self._start()
                self._workers = (calls, relays)
                if not self._told:
                    await _both(calls.run(), relays.run())
            finally:
                await self._leave()

    def checks(self) -> Mapping[str, Check]:
        """Return what readiness asks; a gateway that is away is no reason to call the courier not ready."""
        return {"kafka": self._kafka, "groups": self._groups}

    def _call_worker(self, session: aiohttp.ClientSession) -> CallWorker:
        settings, topics = self._settings, self._settings.topics
        results = Results(self._log, Sealer(self._provider), self._clock, topics)
        clients = gateways(settings, session, self._clock)
        sections = CriticalSections(settings.chaos_stretch)
        desks = score_desks(settings, self._provider, session, self._clock)
        return CallWorker(self._calls, topics.errands.name, clients, results, self._clock, sections, desks)

    def _relay_worker(self) -> RelayWorker:
        topics = self._settings.topics
        sections = CriticalSections(self._settings.chaos_stretch)
        return RelayWorker(self._relays, self._relay_producer, topics.errands.name, topics.commands.name, sections)

    async def _start(self) -> None:
        self._log.start()
        await asyncio.gather(self._relay_producer.start(), self._calls.start(), self._relays.start())

    async def _leave(self) -> None:
        """Leave the groups and close the producers, each for a bounded time: a broker may be away."""
        await asyncio.gather(*(_bounded(each.stop()) for each in (self._calls, self._relays, self._relay_producer)))
        await _bounded(self._log.stop())

    async def _kafka(self) -> str:
        return f"{await bus.round_trip_ms(self._settings.kafka):.0f} ms"

    async def _groups(self) -> str:
        if self._workers is None or not all(worker.joined for worker in self._workers):
            raise TransportError(Reason.DEPENDENCY_UNREACHABLE, {"dependency": "The consumer groups of the courier"})
        return "joined"


async def _both(calls: Awaitable[None], relays: Awaitable[None]) -> None:
    """Run both loops; when one fails, the other is ended and the failure raised."""
    tasks = [asyncio.ensure_future(calls), asyncio.ensure_future(relays)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def _bounded(ending: Awaitable[Any]) -> None:
    with contextlib.suppress(TimeoutError, KafkaError, OSError):
        async with asyncio.timeout(_LEAVE_SECONDS):
            await ending

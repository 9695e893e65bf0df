"""The role `clerk`: calendar work on city time (architecture 2): days close, advances open, books are compared.

Ends with 0 after SIGTERM, 70 for our bug, 78 when no key to sign with is there.
"""

import asyncio
import os
import signal
from pathlib import Path

import aiohttp

from hub.policies import load_policies
from hub.roles.book_sources import Inbox, channel_sources
from hub.runtime import bus, database
from hub.runtime.clock import open_clock
from hub.runtime.durable_log import DurableLog
from hub.runtime.guomi import KeyRing, KeyRingError, Kind, SoftwareProvider
from hub.runtime.health import Check, serve_health
from hub.runtime.logs import configure_logging, get_logger
from hub.runtime.sections import CriticalSections
from hub.runtime.settings import Settings
from schemas.errors import TransportError, setting_invalid
from schemas.reasons import Reason
from streams.clerk.closing import DayCloser, Sign, Signature
from streams.clerk.comparing import Comparer
from streams.clerk.orders import Orders
from streams.clerk.store import ClearingStore
from streams.clerk.worker import Clerk

_EXIT_BUG = 70
_log = get_logger("clerk")


def main(settings: Settings) -> int:
    """Run the clerk until SIGTERM; return its exit status."""
    configure_logging("clerk", settings.log_level, settings.log_format)
    return asyncio.run(run(settings))


async def run(settings: Settings) -> int:
    """Run in a running loop; return the exit status."""
    async with aiohttp.ClientSession() as session:
        log = DurableLog(lambda: bus.log_client(settings.kafka, f"clerk-{os.getpid()}"))
        clerk, store = compose(settings, log, session)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, clerk.stop)
        log.start()
        try:
            async with serve_health(settings.health, "clerk", _checks(settings, log, clerk)):
                await clerk.run()
        except Exception:  # noqa: BLE001 - the shell of the role: a defect ends the process
            _log.exception("clerk_stopped", exit_code=_EXIT_BUG)
            return _EXIT_BUG
        finally:
            await log.stop()
            await store.close()
        return 0


def compose(settings: Settings, log: DurableLog, session: aiohttp.ClientSession) -> tuple[Clerk, ClearingStore]:
    """Return a clerk over these settings, not running, and its store."""
    clock, partitions = open_clock(settings), settings.topics.commands.partitions
    store = ClearingStore(settings.postgres.dsn.get_secret_value())
    orders = Orders(settings.city_key_bytes, partitions, clock)
    funded = load_policies(settings.packs_dir).institution_funded
    sections = CriticalSections(settings.chaos_stretch)
    closer = DayCloser(store, orders, signer(settings), funded, partitions, sections)
    channels, inbox = channel_sources(settings, session, clock), Inbox(settings)
    comparer = Comparer(store, orders, clock, lambda: [*channels, *inbox.books()], inbox.banks)
    topic = settings.topics.commands.name
    return Clerk(store, log, topic, orders, clock, closer, comparer, partitions), store


def signer(settings: Settings) -> Sign:
    """Return what signs with the active SM2 key of purpose `audit`. Raises ConfigurationError without one."""
    try:
        provider = SoftwareProvider(KeyRing.load(settings.sm.ring_file or Path("no key ring is named")))
        key = provider.ring.active("audit", Kind.SM2_PRIVATE)
    except KeyRingError as error:
        remedy = "Put an active SM2 key of purpose audit into the key ring."
        raise setting_invalid("MEDCREDIT_SM__RING_FILE", str(error), remedy) from error
    return lambda text: Signature(key.kid, provider.sm2_sign(key.kid, text, fmt="rs").hex())


def _checks(settings: Settings, log: DurableLog, clerk: Clerk) -> dict[str, Check]:
    async def kafka() -> str:
        if not log.connected:
            raise TransportError(Reason.DEPENDENCY_UNREACHABLE, {"dependency": "Kafka"})
        return f"{await bus.round_trip_ms(settings.kafka):.0f} ms"

    async def postgres() -> str:
        await database.check(settings.postgres.dsn.get_secret_value())
        return "answers"

    async def calendar() -> str:
        return f"closed to {clerk.closed.isoformat()}" if clerk.closed else "no day closed yet"

    return {"kafka": kafka, "postgres": postgres, "calendar": calendar}

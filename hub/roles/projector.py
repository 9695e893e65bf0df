"""The role `projector`: `ledger` and `dead-letters` into PostgreSQL (architecture 7).

Ends with 0 after SIGTERM, 70 when a successor went on or Kafka failed, 78 when Kafka and the books disagree.
"""

import asyncio
import contextlib
import os
import signal
from typing import Any

from aiokafka.errors import KafkaError

from hub.runtime import bus, database
from hub.runtime.health import Check, serve_health
from hub.runtime.logs import configure_logging, get_logger
from hub.runtime.sections import CriticalSections
from hub.runtime.settings import Settings
from schemas.errors import TransportError
from schemas.reasons import Reason
from streams.projection.books import Books
from streams.projection.faults import EXIT_STOPPED, ProjectionError
from streams.projection.worker import Projector

_LEAVE_SECONDS = 3.0
_log = get_logger("projector")


def main(settings: Settings) -> int:
    """Run the projector until SIGTERM; return its exit status."""
    configure_logging("projector", settings.log_level, settings.log_format)
    return asyncio.run(run(settings))


async def run(settings: Settings) -> int:
    """Run in a running loop; return the exit status. The process must end with it."""
    consumer = bus.committed_consumer(settings.kafka, f"projector-{os.getpid()}", group=settings.group("projector"))
    dsn = settings.postgres.dsn.get_secret_value()
    books = Books(dsn, sections=CriticalSections(settings.chaos_stretch))
    projector = Projector(consumer, books, settings.topics.ledger.name, settings.topics.dead_letters.name)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, projector.stop)
    try:
        async with serve_health(settings.health, "projector", _checks(settings, dsn, projector)):
            return await _until_stopped(consumer, projector)
    finally:
        await books.close()


async def _until_stopped(consumer: Any, projector: Projector) -> int:
    try:
        await consumer.start()
        await projector.run()
    except ProjectionError as error:
        _log.error("projector_stopped", exit_code=error.exit_code, error=str(error))
        return error.exit_code
    except (KafkaError, OSError) as error:
        _log.error("projector_stopped", exit_code=EXIT_STOPPED, fault=type(error).__name__, error=str(error))
        return EXIT_STOPPED
    except Exception:  # noqa: BLE001 - the shell of the role: a defect ends the process
        _log.exception("projector_stopped", exit_code=EXIT_STOPPED)
        return EXIT_STOPPED
    finally:
        # Leaving may wait for a broker that is away: the session's end will do it then.
        with contextlib.suppress(TimeoutError, KafkaError):
            async with asyncio.timeout(_LEAVE_SECONDS):
                await consumer.stop()
    return 0


def _checks(settings: Settings, dsn: str, projector: Projector) -> dict[str, Check]:
    async def kafka() -> str:
        return f"{await bus.round_trip_ms(settings.kafka):.0f} ms"

    async def postgres() -> str:
        await database.check(dsn)
        return "answers"

    async def books() -> str:
        if not projector.ready:
            raise TransportError(Reason.DEPENDENCY_UNREACHABLE, {"dependency": "The books"})
        return f"{projector.records} records"

    return {"kafka": kafka, "postgres": postgres, "books": books}

"""The role `views`: a Faust worker that keeps the stream tables."""

import asyncio
import signal
import tempfile
from pathlib import Path
from typing import Any

from faust.auth import SASLCredentials, SSLCredentials

from hub.runtime.bus import round_trip_ms
from hub.runtime.health import Check, serve_health
from hub.runtime.logs import configure_logging, get_logger
from hub.runtime.settings import KafkaSettings, Settings
from streams.views.committed import CommittedApp
from streams.views.tables import stream_tables
from streams.views.worker import ViewsPlan, views_app

_DRAIN_SECONDS = 10.0
_EXIT_BUG = 70
_log = get_logger("views")


def main(settings: Settings) -> int:
    """Keep the stream tables until SIGTERM; return the exit status: 0 drained, 70 the worker failed."""
    configure_logging("views", settings.log_level, settings.log_format)
    with tempfile.TemporaryDirectory(prefix="medcredit-views-") as folder:
        return asyncio.run(serve(settings, Path(folder)))


async def serve(settings: Settings, folder: Path) -> int:
    """Run the Faust worker and its health routes; `folder` is Faust's own, nothing in it needs to survive."""
    app = views_app(plan_of(settings, folder), stream_tables())
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serve_health(settings.health, "views", _checks(settings.kafka, app)):
        try:
            await app.start()
            _log.info("views_started", group=settings.group("views"))
            failed = await app.wait_for_stopped(stop)
            async with asyncio.timeout(_DRAIN_SECONDS):
                await app.stop()
        except Exception:  # noqa: BLE001 - the shell of the role: a defect or an absent broker ends the process
            _log.exception("views_stopped", exit_code=_EXIT_BUG)
            return _EXIT_BUG
    return _EXIT_BUG if failed else 0


def plan_of(settings: Settings, folder: Path) -> ViewsPlan:
    """Return what the worker needs to know, from the settings."""
    topics = settings.topics
    return ViewsPlan(
        bootstrap=settings.kafka.bootstrap,
        group=settings.group("views"),
        facts_topic=topics.facts.name,
        table_topics={name: topic.name for name, topic in topics.views.items()},
        partitions=topics.facts.partitions,
        folder=folder,
        credentials=_credentials(settings.kafka),
        stretch_ms=settings.chaos_stretch,
    )


def _credentials(kafka: KafkaSettings) -> Any:
    if kafka.security == "PLAINTEXT":
        return None
    context = kafka.client_arguments().get("ssl_context")
    if kafka.security == "SSL":
        return SSLCredentials(context)
    return SASLCredentials(
        username=kafka.username,
        password=kafka.password.get_secret_value(),
        ssl_context=context,
        mechanism=kafka.sasl_mechanism,
    )


def _checks(kafka: KafkaSettings, app: CommittedApp) -> dict[str, Check]:
    async def broker() -> str:
        return f"{await round_trip_ms(kafka):.1f} ms"

    async def tables() -> str:
        recovery = app.tables.recovery
        if app.rebalancing or recovery.in_recovery or not recovery.completed.is_set():
            raise TimeoutError("the tables are being restored")
        return "restored"

    return {"kafka": broker, "tables": tables}

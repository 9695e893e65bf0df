"""The role `streams`: a Faust worker that hosts the account lanes (architecture 4).

Ends with 0 after SIGTERM, 70 when fenced or broken (the supervisor starts it again), 78 when a person must look.
"""

import asyncio
import gc
import signal
import tempfile
from pathlib import Path
from typing import Final

import uvloop

from hub.policies import DEFAULT_LADDERS, load_policies
from hub.runtime.allocator import keep_freed_memory
from hub.runtime.bus import round_trip_ms
from hub.runtime.clock import open_clock
from hub.runtime.collector import COLLECT_EVERY
from hub.runtime.guomi.vault import open_provider
from hub.runtime.health import Check, serve_health
from hub.runtime.logs import configure_logging, get_logger
from hub.runtime.sealing import Sealer
from hub.runtime.settings import Settings
from schemas.errors import HubError, TransportError
from schemas.reasons import Reason
from streams.app import lanes_app
from streams.lanes.domain_rules import DomainRules
from streams.lanes.faults import EXIT_STOPPED
from streams.lanes.processor import AccountProcessor
from streams.lanes.settings import lane_settings

_DRAIN_SECONDS: Final = 10.0
_STUCK_SECONDS: Final = 30.0
_log = get_logger("streams")


def main(settings: Settings) -> int:
    """Run the lanes until SIGTERM; return the exit status. A lane that cannot go on ends the process by itself."""
    configure_logging("streams", settings.log_level, settings.log_format)
    keep_freed_memory()
    gc.set_threshold(*COLLECT_EVERY)  # the interpreter's own pace cost 12 of 240 µs a command
    with tempfile.TemporaryDirectory(prefix="medcredit-streams-") as folder:
        status: int = uvloop.run(serve(settings, Path(folder)))
        return status


async def serve(settings: Settings, folder: Path) -> int:
    """Run the worker and its health routes in a running loop; return the exit status."""
    processor = AccountProcessor(
        lane_settings(settings),
        DomainRules(load_policies(settings.packs_dir, DEFAULT_LADDERS.shortened(settings.ladder_scale))),
        open_clock(settings),
        seal=Sealer(open_provider(settings)).seal,
    )
    app = lanes_app(processor, folder)
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    async with serve_health(settings.health, "streams", _checks(settings, processor), lambda: _stuck(processor)):
        try:
            await app.start()
            _log.info("streams_started", group=processor.settings.group)
            failed = await app.wait_for_stopped(told)
            async with asyncio.timeout(_DRAIN_SECONDS):
                await app.stop()
        except HubError as error:
            _log.error("streams_stopped", exit_code=error.exit_code, error=str(error))
            return error.exit_code
        except Exception:  # noqa: BLE001 - the shell of the role: a defect or an absent broker ends the process
            _log.exception("streams_stopped", exit_code=EXIT_STOPPED)
            return EXIT_STOPPED
    return EXIT_STOPPED if failed else 0


def _checks(settings: Settings, processor: AccountProcessor) -> dict[str, Check]:
    async def kafka() -> str:
        return f"{await round_trip_ms(settings.kafka):.0f} ms"

    async def lanes() -> str:
        if not processor.ready:
            raise TransportError(Reason.DEPENDENCY_UNREACHABLE, {"dependency": "The lanes"})
        return f"{len(processor.lanes)} lanes accept"

    return {"kafka": kafka, "lanes": lanes}


def _stuck(processor: AccountProcessor) -> str:
    """Return what is wrong when commands wait and nothing was committed for half a minute."""
    age = processor.waiting_seconds
    return f"commands wait and nothing was committed for {age:.0f} s" if age > _STUCK_SECONDS else ""

"""`medcredit run all`: every role of one machine as a supervised child, against the Kafka and PostgreSQL configured."""

import asyncio

from hub.cli.output import note
from hub.cli.stack import ROLE_PROCESSES, prepare
from hub.runtime.settings import Settings
from hub.runtime.supervisor import ChildEnded, ChildPlan, Supervisor, until_signal

_READY_SECONDS = 120


def run_all(settings: Settings) -> int:
    """Run until SIGINT or SIGTERM, which drain every role; returns 0, or 78 when a role stays down."""
    return asyncio.run(_run(settings))


async def _run(settings: Settings) -> int:
    await prepare(settings)
    plans = [ChildPlan(role, number) for role, count in ROLE_PROCESSES.items() for number in range(count)]
    supervisor = Supervisor(plans, run_dir=settings.run_dir, environment={}, on_end=_say)
    supervisor.start()
    stop = asyncio.ensure_future(until_signal())
    try:
        await supervisor.wait_ready(_READY_SECONDS)
        note(f"OK  hub  {', '.join(sorted(supervisor.pids()))} ready")
        await stop
    finally:
        stop.cancel()
        await supervisor.stop()
    return 78 if supervisor.refused() else 0


def _say(ended: ChildEnded) -> None:
    fate = "stays down until a person has looked" if ended.refused else "is started again"
    note(f"WARN {ended.role}-{ended.instance} ended with {ended.exit_code} and {fate}; the end of its log:")
    note(ended.log_tail)

"""`medcredit demo`: a living city on this machine, with real Kafka, real PostgreSQL and real traffic (experience 4)."""

import asyncio
import contextlib
import json
import shutil
import signal
import sys
import time
import webbrowser
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from hub.cli.books_reader import first_charge, first_debit, ledger_records, pending
from hub.cli.clearing_tally import ClearingDocument, clearing_document
from hub.cli.demo_words import charge_line, debit_line, machine, sentence, timed
from hub.cli.drain import drained
from hub.cli.output import note, show, speaks_json
from hub.cli.ports import chosen_ports
from hub.cli.programme_tally import ProgrammesDocument, ProgrammeTally
from hub.cli.shown import missing
from hub.cli.stack import Stack, Stores, new_run_dir, prepare
from hub.cli.tally import Tally, TallyDocument
from hub.cli.verbs import verb
from hub.cli.verify import VerifyDocument, verify_document
from hub.runtime.clock import change_speed, start_city
from hub.runtime.database import UNREACHABLE
from hub.runtime.settings import Settings
from hub.runtime.supervisor import ChildEnded, Supervisor, until_signal
from hub.simulate.journeys import JourneySet
from infra.processes import spawn

_READY_SECONDS = 180
_CITY_STARTS_AT = 1_782_867_600_000
"""2026-07-01 09:00 +08: the city's clock when the hub is ready, however long that took."""
_KEEP_FILE_SECONDS = 0.5
_SANDBOX = ("--delay-scale", "0.2", "--latency-median-ms", "20", "--latency-p99-ms", "200")
"""Wire delays of the sandbox gateways, shortened so that a demo sees their ends."""


class DemoDocument(TallyDocument):
    """`demo --json`: what the run showed. `verify.ok` also needs that everything arrived (`drained`).

    `missing` names the counts that are 0 though the city plays what they count: a run of 90 seconds shows everything on
    an idle machine of two cores. It says nothing about the books, so the exit status does not follow it.
    `child_exits` names each process that ended by itself, with its status.
    """

    programmes: ProgrammesDocument
    missing: list[str]
    debits_unknown_at_end: int
    drained: bool
    clearing: ClearingDocument
    verify: VerifyDocument
    child_exits: list[str]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    verb(app, "demo")(demo)


def demo(
    speed: Annotated[float, typer.Option(help="City seconds in one second: 7200 makes 72 h last 36 s.")] = 7200,
    rate: Annotated[float, typer.Option(help="Messages a second.")] = 40,
    seed: Annotated[int, typer.Option(help="Same seed, same people.")] = 7,
    run_for: Annotated[int, typer.Option("--for", help="Seconds from ready; 0 runs until Ctrl-C.")] = 0,
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the run directory.")] = False,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the page.")] = False,
    ready_file: Annotated[Path | None, typer.Option(help="Written when everything is ready, kept current.")] = None,
    sent_log: Annotated[Path | None, typer.Option(help="Where the city logs what it sent and heard.")] = None,
    resent: Annotated[float, typer.Option(help="Share of everyday visits whose charges are sent again.")] = 0.05,
    journeys: Annotated[JourneySet, typer.Option(help="Planted journeys; basic leaves out the programmes'.")] = "all",
    port_offset: Annotated[int, typer.Option(help="Added to the usual ports, in tens: for a second demo.")] = 0,
    ladder_scale: Annotated[
        float, typer.Option(help="Waits on the wire times this: an order number lives 3 h in production, 45 s here.")
    ] = 1 / 240,
    stretch: Annotated[str, typer.Option(help="Critical sections held open, JSON of name to ms; tests only.")] = "{}",
) -> None:
    """Start a synthetic city on this machine. Example: medcredit demo --for 90 --no-browser --json."""
    with chosen_ports(port_offset) as chosen:
        for each in chosen.moved:
            note(sentence("port", **each._asdict()))
        run_dir, stretched = new_run_dir("demo"), json.loads(stretch)
        stack = Stack(run_dir, chosen.ports, report=note, chaos_stretch=stretched, ladder_scale=ladder_scale)
        traffic = Traffic(seed, rate, resent, journeys)
        run = _Demo(stack, speed, traffic, run_for, ready_file, sent_log or run_dir / "sent.jsonl")
        try:
            document = run.start(open_browser=not (no_browser or speaks_json()))
        finally:
            if not keep:
                shutil.rmtree(run_dir, ignore_errors=True)
    run.say(sentence("kept", directory=run_dir) if keep else sentence("stopped"))
    if speaks_json() and document:
        show(document)
    sys.exit(0 if not document or document["verify"]["ok"] else 1)


class Traffic(NamedTuple):
    """What the city sends: who lives there, messages a second, the share of everyday visits that repeats itself."""

    seed: int
    rate: float
    resent: float
    journeys: JourneySet

    def arguments(self) -> tuple[str, ...]:
        """Return them for the city's process."""
        numbers = ("--seed", str(self.seed), "--rate", str(self.rate), "--resent", str(self.resent))
        return (*numbers, "--journeys", self.journeys)


class _Demo:
    """One run: stores, counterparts, roles, traffic; then drained, verified and counted."""

    def __init__(
        self, stack: Stack, speed: float, traffic: Traffic, run_for: int, ready_file: Path | None, sent_log: Path
    ) -> None:
        self._stack = stack
        self._speed, self._traffic, self._run_for = speed, traffic, run_for
        self._ready_file, self._sent_log = ready_file, sent_log
        self._began = time.monotonic()
        self._ended: list[ChildEnded] = []

    def start(self, *, open_browser: bool) -> DemoDocument | None:
        """Run the demo; return its document (None when it was interrupted before its time was over)."""
        for line in machine(self._stack.run_dir):
            self.say(line)
        start_city(self._stack.clock_file, city=_CITY_STARTS_AT, speed=0)
        banks = ("--web", self._stack.web_url, *self._files())
        with self._stack.sandbox(self._traffic.seed, *_SANDBOX, *banks), self._stack.stores() as stores:
            self.say(sentence("stores"))
            settings = self._stack.settings(stores.postgres.dsn, stores.kafka.bootstrap)
            return asyncio.run(self._live(settings, stores, open_browser=open_browser))

    async def _live(self, settings: Settings, stores: Stores, *, open_browser: bool) -> DemoDocument | None:
        await prepare(settings)
        watch = asyncio.ensure_future(stores.keep_running())
        supervisor = self._stack.supervisor(self._on_end)
        stop = asyncio.ensure_future(until_signal(signal.SIGINT, signal.SIGTERM))
        supervisor.start()
        try:
            await _first(supervisor.wait_ready(_READY_SECONDS), stop)
            if stop.done():
                return None
            self.say(sentence("hub", roles=", ".join(sorted(supervisor.pids()))))
            await asyncio.to_thread(change_speed, self._stack.clock_file, self._speed)
            with self._city() as city_pid:
                keeping = asyncio.ensure_future(self._keep_ready_file(settings, stores, supervisor, city_pid))
                self._welcome(settings, open_browser=open_browser)
                await self._show_first_results(settings, stop)
                keeping.cancel()
            return await self._close(settings, interrupted=stop.done())
        finally:
            stop.cancel()
            if stop.done():
                note("")  # the terminal stands behind the ^C it has shown
            self.say(sentence("stopping"))
            await supervisor.stop()
            watch.cancel()

    @contextlib.contextmanager
    def _city(self) -> Iterator[int]:
        """Run the city's senders as their own process; they stop sending when the block ends."""
        stack = self._stack
        command = [
            *(sys.executable, "-m", "hub.simulate", "--mllp", f"127.0.0.1:{stack.ports['mllp']}"),
            *("--edge", stack.edge_url, "--web", stack.web_url, *self._files()),
            *("--keys", str(stack.keys_dir), "--clock", str(stack.clock_file)),
            *("--log", str(self._sent_log), *self._traffic.arguments()),
        ]
        process = spawn(command, log_file=stack.run_dir / "logs" / "city.log", death_signal=signal.SIGTERM)
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait(15)

    def _files(self) -> tuple[str, ...]:
        """Return where hospitals and banks leave their files; with the basic journeys they leave none."""
        return ("--inbox", str(self._stack.inbox)) if self._traffic.journeys != "basic" else ()

    async def _show_first_results(self, settings: Settings, stop: "asyncio.Future[Any]") -> None:
        """Say the first charge and the first debit when they come; return when the time is over."""
        until = time.monotonic() + self._run_for if self._run_for else float("inf")
        waiting = [_first_charge_line, _first_debit_line]
        while not stop.done() and time.monotonic() < until:
            for read in tuple(waiting):
                with contextlib.suppress(*UNREACHABLE):
                    if line := await read(settings):
                        self.say(line)
                        waiting.remove(read)
            await asyncio.wait({stop}, timeout=min(1.0, max(0.0, until - time.monotonic())))

    async def _close(self, settings: Settings, *, interrupted: bool) -> DemoDocument | None:
        """Freeze the city's time, let everything arrive, verify and count; None for a demo ended by Ctrl-C."""
        await asyncio.to_thread(change_speed, self._stack.clock_file, 0)
        if interrupted and not self._run_for:
            return None
        self.say(sentence("still"))
        clean = await drained(settings, seconds=90)
        tally, programmes = Tally(), ProgrammeTally()
        async for record in ledger_records(settings):
            tally.add(record)
            programmes.add(record)
        unknown, _ = await pending(settings)
        verified = await verify_document(settings)
        verified["ok"] = verified["ok"] and clean
        document: DemoDocument = {
            **tally.document(),
            "programmes": programmes.document(),
            "missing": [],
            "debits_unknown_at_end": unknown,
            "drained": clean,
            "clearing": await clearing_document(settings),
            "verify": verified,
            "child_exits": [f"{end.role}-{end.instance} {end.exit_code}" for end in self._ended],
        }
        document["missing"] = missing(document, self._traffic.journeys)
        self.say(sentence("verify", word="OK" if document["verify"]["ok"] else "FAIL"))
        return document

    async def _keep_ready_file(self, settings: Settings, stores: Stores, supervisor: Supervisor, city_pid: int) -> None:
        while self._ready_file is not None:
            ports = self._stack.ports
            document = {
                "addresses": {
                    "mllp": f"127.0.0.1:{ports['mllp']}",
                    "edge": self._stack.edge_url,
                    "web": f"http://127.0.0.1:{ports['web']}",
                    "kafka": settings.kafka.bootstrap,
                    "postgres": settings.postgres.dsn.get_secret_value(),
                    "alipay": self._stack.gateways["alipay"],
                    "unionpay": self._stack.gateways["unionpay"],
                },
                "pids": {
                    **supervisor.pids(),
                    "kafka": [stores.kafka.pid] if stores.kafka.pid else [],
                    "postgres": [stores.postgres.pid] if stores.postgres.pid else [],
                    "city": [city_pid],
                },
                "run_dir": str(self._stack.run_dir),
            }
            await asyncio.to_thread(_replace, self._ready_file, json.dumps(document))
            await asyncio.sleep(_KEEP_FILE_SECONDS)

    def _welcome(self, settings: Settings, *, open_browser: bool) -> None:
        page = f"http://127.0.0.1:{settings.web.port}"
        seconds = 72 * 3600 / self._speed if self._speed else 0
        self.say(sentence("city", seconds=seconds))
        note(sentence("page", address=page))
        note(sentence("try", file=self._stack.environment_file))
        note(sentence("verbs"))
        if open_browser:
            webbrowser.open(page)

    def _on_end(self, ended: ChildEnded) -> None:
        self._ended.append(ended)
        fate = "stays down" if ended.refused else "restarted"
        note(f"WARN {ended.role}-{ended.instance} ended with {ended.exit_code}; {fate}")
        if ended.refused:
            note(ended.log_tail)

    def say(self, text: str) -> None:
        """Say a line of progress with the seconds since the run began."""
        note(timed(text, time.monotonic() - self._began))


async def _first_charge_line(settings: Settings) -> str:
    charge = await first_charge(settings)
    return charge_line(charge.number, charge.parts_fen) if charge else ""


async def _first_debit_line(settings: Settings) -> str:
    debit = await first_debit(settings)
    return debit_line(debit.number, debit.amount_fen, debit.channel) if debit else ""


async def _first(work: Coroutine[Any, Any, None], stop: "asyncio.Future[Any]") -> None:
    """Wait for the work or for the stop, whichever is first; an error of the work is raised."""
    task = asyncio.ensure_future(work)
    await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        await task
        return
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _replace(path: Path, text: str) -> None:
    scratch = path.with_name(f"{path.name}.new")
    scratch.write_text(text, "utf-8")
    scratch.replace(path)

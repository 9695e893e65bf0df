"""One run: the hub under load, faults, rest, evidence, verdict, and one row of the table."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from collecting import at_rest, freeze, gateway_books, missing, read_clock, settled
from evidence import Evidence, read_sent_log
from faults import Fault, Record, apply
from hub_process import Hub, running_hub
from oracle import complaints, summary
from oracle_debits import Story

_CITY_STOP_SECONDS = 15
_LONGER_SECONDS = 60
_COPIES = 5


@dataclass(frozen=True)
class Plan:
    """What to do to the hub. `load_seconds` is the least time under load; `on_lanes` asks for aborted records."""

    name: str
    faults: tuple[Fault, ...]
    stretch: Mapping[str, int]
    seed: int = 1
    rate: float = 40
    speed: float = 14_400
    load_seconds: float = 25
    on_lanes: bool = False
    sections: tuple[str, ...] = ()
    """At least one fault must have hit one of these."""
    plant: str = ""
    """A fault planted in the product, which the run must bring to light."""
    settle_seconds: float = 75


@dataclass
class Run:
    """What a plan came to; it counts only when `faults_missed` is empty, and is right when `wrong` is empty too."""

    plan: Plan
    record: Record
    evidence: Evidence
    wrong: list[str]
    faults_missed: list[str]
    seconds: float

    def row(self) -> str:
        """Return the run as a row of the table."""
        found = summary(self.evidence)
        cells = (
            self.plan.name, self.plan.seed, "; ".join(self.record.done), found.commands, found.ledger,
            f"{found.duplicates} = {found.injected} + {found.resent} + {found.by_gateways}",
            found.relays_repeated, found.results_repeated, found.debits, found.aborted,
            ", ".join(sorted(set(self.record.hits))) or "-", min(self.record.commits, default=0),
            len(self.wrong) or "none", f"{self.seconds:.0f} s" if not self.faults_missed else "does not count",
        )  # fmt: skip
        return "| " + " | ".join(map(str, cells)) + " |"


HEAD = (
    "| run | seed | faults | commands | outcomes | duplicates = injected + resent + gateways | relays repeated "
    "| results repeated | debits | aborted | sections hit | commits between faults, least | wrong | took |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"
)


async def perform(plan: Plan, where: Path) -> Run:
    """Perform a plan below a directory of its own; nothing is left running."""
    began = time.monotonic()
    async with running_hub(
        where, seed=plan.seed, rate=plan.rate, speed=plan.speed, stretch=plan.stretch, plant=plan.plant
    ) as hub:
        clock, loaded = read_clock(hub.clock_file), time.monotonic()
        phases = [f"ready {loaded - began:.0f} s"]
        record = await apply(hub, list(plan.faults), plan.seed)
        await asyncio.sleep(max(0.0, plan.load_seconds - (time.monotonic() - loaded)))
        await _enough(hub)
        phases.append(f"loaded {time.monotonic() - began:.0f} s")
        await _stop_city(hub)
        freeze(hub.clock_file)
        evidence = await settled(hub.addresses, hub.sent_log, clock, plan.settle_seconds)
        evidence.sent += record.sent
        evidence.city_at_rest = at_rest(hub.clock_file)
        wrong = [f"missing: {each}" for each in missing(evidence)[:20]] + complaints(evidence)
        wrong += [f"bill {each} was debited though it was repaid" for each in _debited(evidence, record.repaid)]
        phases.append(f"settled {time.monotonic() - began:.0f} s")
        if not plan.plant:
            wrong += await _deep(hub)
        _keep_logs(hub, where)
        if wrong:
            _keep_evidence(evidence, where)
        phases.append(f"verified {time.monotonic() - began:.0f} s")
    run = Run(plan, record, evidence, wrong, _missed(plan, record, evidence), time.monotonic() - began)
    sys.stdout.write(
        f"\n{run.row()}\n  {', '.join(phases)}; commits {record.commits}\n"
        + "".join(f"  {text}\n" for text in [*run.faults_missed, *wrong][:40])
    )
    return run


async def _enough(hub: Hub) -> None:
    """Let the load go on, for a minute at most, until copies were sent and a debit moved: a slow machine has few."""
    deadline = time.monotonic() + _LONGER_SECONDS
    while time.monotonic() < deadline:
        copies = sum(bool(each.copy_of) and each.verdict == "accepted" for each in read_sent_log(hub.sent_log))
        with contextlib.suppress(OSError, TimeoutError, aiohttp.ClientError):
            books = await gateway_books(hub.addresses)
            if copies >= _COPIES and any(book["moved_count"] for book in books.values()):
                return
        await asyncio.sleep(1)


async def _stop_city(hub: Hub) -> None:
    """End the generator, so that its log is complete."""
    for pid in hub.pids("city"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _CITY_STOP_SECONDS
        while _lives(pid) and time.monotonic() < deadline:  # noqa: ASYNC110 - a process id has no event
            await asyncio.sleep(0.1)


def _lives(pid: int) -> bool:
    """Return whether a process runs; one that ended and was not yet asked about by its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def _deep(hub: Hub) -> list[str]:
    said = await asyncio.to_thread(hub.verify)
    return [] if said["ok"] else [f"verify: {said}"[:1500]]


def _keep_logs(hub: Hub, where: Path) -> None:
    kept = where / "logs"
    kept.mkdir(exist_ok=True)
    for log in hub.run_dir.glob("*/*.log"):
        (kept / log.name).write_bytes(log.read_bytes())


def _keep_evidence(evidence: Evidence, where: Path) -> None:
    """Keep what the oracle complained about: the topics as JSON lines, the gateways' books."""
    for name in ("commands", "ledger", "dead_letters", "institution_rows"):
        rows = getattr(evidence, name) or ()
        lines = [f"{each.partition}@{each.offset} {each.raw.decode(errors='replace')}\n" for each in rows]
        (where / f"{name}.jsonl").write_text("".join(lines))
    (where / "gateways.json").write_text(json.dumps(evidence.gateways, indent=1))


def _debited(evidence: Evidence, repaid: list[str]) -> list[str]:
    """Return the repaid bills for which a debit began all the same."""
    return [bill for bill in repaid if Story(evidence).orders[bill]]


def _missed(plan: Plan, record: Record, evidence: Evidence) -> list[str]:
    """Return why a run proves nothing, if it does not."""
    texts = list(record.missed)
    if plan.on_lanes and evidence.aborted <= 0:
        texts.append("no fault hit an open transaction: nothing was aborted")
    if not summary(evidence).injected:
        texts.append("no message was sent twice on purpose")
    if not all(record.commits):
        texts.append(f"nothing was committed between two faults: {record.commits}")
    if plan.sections and not set(plan.sections) & set(record.hits):
        texts.append(f"no fault hit any of {', '.join(plan.sections)}, only {record.hits}")
    return texts

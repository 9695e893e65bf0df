"""Faults, each aimed by process id at one place: inside a named critical section where the role has one."""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
import psutil
from aiokafka.errors import KafkaError
from evidence import Exchange
from hub_process import Hub
from topic_reader import end_offsets

LEDGER = "medcredit.ledger.v1"
LANE_SECTIONS = (
    "lane_after_begin_before_send",
    "lane_after_send_before_offset",
    "lane_after_offset_before_commit",
    "lane_after_commit_before_memory",
)
HIT_SECONDS = 45.0
PROGRESS_RECORDS = 10
_PROGRESS_SECONDS = 60.0
_LOOK_SECONDS = 0.01


@dataclass
class Record:
    """What was done in a run, and what it hit."""

    done: list[str] = field(default_factory=list)
    hits: list[str] = field(default_factory=list)
    """Names of the critical sections a fault found its role inside of."""
    commits: list[int] = field(default_factory=list)
    """Ledger records that became readable between one fault and the next."""
    sent: list[Exchange] = field(default_factory=list)
    """What the harness itself sent."""
    repaid: list[str] = field(default_factory=list)
    """Bills repaid before their debit came due."""
    missed: list[str] = field(default_factory=list)
    """Why a fault proves nothing, if it does not."""


Fault = Callable[[Hub, Record], Awaitable[None]]


async def aim(hub: Hub, role: str, record: Record) -> int:
    """Return the role's process as soon as it is inside one of its sections; the hit is recorded by `strike`."""
    deadline = time.monotonic() + HIT_SECONDS
    pid, marks = await hub.pid(role), hub.sections.marks()
    while time.monotonic() < deadline:
        if hub.sections.inside(role, marks):
            return pid
        await asyncio.sleep(_LOOK_SECONDS)
    record.done.append(f"{role} entered no section within {HIT_SECONDS:.0f} s")
    return pid


async def strike(hub: Hub, role: str, number: signal.Signals, record: Record, *, aimed: bool = True) -> int:
    """Send a signal, inside a section when `aimed`; return the process it hit."""
    marks = hub.sections.marks()
    pid = await aim(hub, role, record) if aimed else await hub.pid(role)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
    record.done.append(f"{number.name} {role}")
    if aimed:
        record.hits += hub.sections.inside(role, marks)[-1:]
    return pid


def kill(role: str, *, aimed: bool = True, times: int = 1) -> Fault:
    """Return `kill -9` of a role, inside a section each time."""

    async def fault(hub: Hub, record: Record) -> None:
        for number in range(times):
            if number:
                await progress(hub, record)
            await strike(hub, role, signal.SIGKILL, record, aimed=aimed)

    return fault


def kill_opening(role: str, times: int) -> Fault:
    """Return `kill -9` of a role, and of its successors while they open what it left, one right after the other."""

    async def fault(hub: Hub, record: Record) -> None:
        await strike(hub, role, signal.SIGKILL, record, aimed=False)
        for _ in range(times):
            await strike(hub, role, signal.SIGKILL, record)

    return fault


def terminate(role: str, *, aimed: bool = True) -> Fault:
    """Return SIGTERM of a role."""

    async def fault(hub: Hub, record: Record) -> None:
        await strike(hub, role, signal.SIGTERM, record, aimed=aimed)

    return fault


def pause(role: str, seconds: float, *, successor: bool) -> Fault:
    """Return SIGSTOP for longer than session and transaction time-outs; `successor` takes the partitions over."""

    async def fault(hub: Hub, record: Record) -> None:
        pid = await strike(hub, role, signal.SIGSTOP, record)
        try:
            with hub.second_worker(role, pid) if successor else contextlib.nullcontext():
                await asyncio.sleep(seconds)
                os.kill(pid, signal.SIGCONT)
                await asyncio.sleep(3)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        record.done.append(f"SIGCONT {role} after {seconds:.0f} s" + (", a successor worked" if successor else ""))

    return fault


def pause_opening(role: str, seconds: float) -> Fault:
    """Return SIGSTOP of the process that opens what a killed one left, while a second one takes that over."""

    async def fault(hub: Hub, record: Record) -> None:
        killed = await strike(hub, role, signal.SIGKILL, record, aimed=False)
        with contextlib.suppress(psutil.NoSuchProcess):
            await asyncio.to_thread(psutil.Process(killed).wait, HIT_SECONDS)
        await pause(role, seconds, successor=True)(hub, record)

    return fault


def rest(seconds: float) -> Fault:
    """Return a time without any fault, for what must have happened before the next."""

    async def fault(_hub: Hub, record: Record) -> None:
        await asyncio.sleep(seconds)
        record.done.append(f"{seconds:.0f} s of load")

    return fault


def joins(role: str, seconds: float) -> Fault:
    """Return a second worker that joins and leaves."""

    async def fault(hub: Hub, record: Record) -> None:
        with hub.second_worker(role, await hub.pid(role)):
            await asyncio.sleep(seconds)
        record.done.append(f"second {role} joined and left")

    return fault


def lost_answers(rate: float, times: int) -> Fault:
    """Return answers of both gateways that are cut after the money moved."""

    async def fault(hub: Hub, record: Record) -> None:
        rule = {"trouble": "cut", "rate": rate, "operation": "debit", "times": times}
        async with aiohttp.ClientSession() as session:
            for channel in ("alipay", "unionpay"):
                async with session.post(f"{hub.addresses[channel]}/mock/interference", json=rule) as answer:
                    answer.raise_for_status()
        record.done.append(f"up to {times} answers of each gateway lost after success")

    return fault


def outage(role: str, seconds: float) -> Fault:
    """Return a role that is killed again whenever it comes, for so long."""

    async def fault(hub: Hub, record: Record) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for pid in hub.pids(role):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.1)
        record.done.append(f"{role} down for {seconds:.0f} s")

    return fault


def rolling(*roles: str) -> Fault:
    """Return SIGTERM of each role in turn, each ready again before the next."""

    async def fault(hub: Hub, record: Record) -> None:
        for role in roles:
            for pid in hub.pids(role):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
                await _replaced(hub, role, pid)
        record.done.append(f"rolling restart of {', '.join(roles)}")

    return fault


async def _replaced(hub: Hub, role: str, pid: int) -> None:
    """Wait until every process of a role is another one than `pid` and says that it is ready."""
    deadline, many = time.monotonic() + 90, len(hub.ready()["pids"][role])
    while time.monotonic() < deadline:
        await asyncio.sleep(0.2)
        pids = hub.pids(role)
        if pid not in pids and len(pids) >= many and all([await _is_ready(hub, each) for each in pids]):
            return
    raise TimeoutError(f"{role} {pid} was not replaced by one that is ready")


async def _is_ready(hub: Hub, pid: int) -> bool:
    with contextlib.suppress(OSError, aiohttp.ClientError, TimeoutError):
        port = hub.environment(pid)["MEDCREDIT_HEALTH__PORT"]
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session,
            session.get(f"http://127.0.0.1:{port}/readyz") as answer,
        ):
            return answer.status == 200
    return False


async def progress(hub: Hub, record: Record) -> None:
    """Wait until the lanes have committed again since the last fault: a fault on a hub at rest proves nothing."""
    deadline, first = time.monotonic() + _PROGRESS_SECONDS, -1
    while time.monotonic() < deadline:
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            total = sum((await end_offsets(hub.addresses["kafka"], LEDGER)).values())
            first = total if first < 0 else first
            if total >= first + PROGRESS_RECORDS:
                record.commits.append(total - first)
                return
        await asyncio.sleep(0.3)
    record.commits.append(0)


async def apply(hub: Hub, faults: list[Fault], seed: int) -> Record:
    """Apply the faults in order, with commits and a seeded moment of rest before each."""
    chance, record = random.Random(seed), Record()
    for fault in faults:
        await progress(hub, record)
        await asyncio.sleep(chance.uniform(0, 0.5))
        await fault(hub, record)
    await progress(hub, record)
    return record

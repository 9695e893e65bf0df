"""Runs the roles as child processes: starts, watches, restarts, drains, and leaves nothing behind.

A child that ends is started again, after a pause that doubles while it keeps failing. Exit status 78 means that a
person must look (state and offset disagree, a setting is wrong): that child stays down and is reported. Children end
with this process however it ends, because the kernel tells them (PR_SET_PDEATHSIG).
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import aiohttp

from hub.runtime.logs import get_logger
from infra.processes import free_port, spawn, tail
from schemas.errors import TransportError, setting_invalid
from schemas.reasons import Reason

DRAIN_SECONDS = 10.0
EXIT_CONFIGURATION = 78
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 10.0
_HEALTHY_SECONDS = 20.0
_READY_POLL_SECONDS = 0.1
ROLE_COMMAND = (sys.executable, "-m", "hub.cli", "run")
"""What starts a role, its name behind it."""

_log = get_logger("supervisor")


class State(StrEnum):
    """Where a child is in its life."""

    STOPPED = "stopped"
    RUNNING = "running"
    PAUSING = "pausing"
    """Ended, and waiting to be started again."""
    REFUSED = "refused"
    """Ended with 78: it stays down until a person has looked."""


@dataclass(frozen=True, slots=True)
class ChildPlan:
    """One child: its role, its number among those of the role, and what it is told beyond the common environment."""

    role: str
    instance: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """`edge-0`: names its log file too."""
        return f"{self.role}-{self.instance}"


@dataclass(frozen=True, slots=True)
class ChildEnded:
    """A child ended without being told to; `exit_code` is negative for a signal. `refused` when it was 78."""

    role: str
    instance: int
    exit_code: int
    refused: bool
    log_tail: str


class Child:
    """One supervised process and its successors; they share name, log file and health port."""

    def __init__(
        self,
        plan: ChildPlan,
        run_dir: Path,
        environment: Mapping[str, str],
        command: Sequence[str],
        on_end: Callable[[ChildEnded], None],
    ) -> None:
        self.plan = plan
        self.state = State.STOPPED
        self.starts = 0
        self.health_port = free_port()
        self.log_file = run_dir / "logs" / f"{plan.name}.log"
        self._command = [*command, plan.role]
        self._environment = {
            **environment,
            "MEDCREDIT_HEALTH__PORT": str(self.health_port),
            "MEDCREDIT_EDGE__SLOT": str(plan.instance),
            **plan.environment,
        }
        self._on_end = on_end
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None
        self._wanted = False

    @property
    def pid(self) -> int | None:
        """The id of the running process, else None."""
        return self._process.pid if self._process is not None and self.state is State.RUNNING else None

    def last_words(self) -> str:
        """Return the end of the log; a sentence that says why there is none when it is empty or gone."""
        if words := tail(self.log_file):
            return words
        if not self.log_file.exists():
            return f"{self.log_file} is gone: somebody removed the run directory, clock file included, under the hub."
        return f"{self.log_file} is empty: the process ended before it could say anything."

    def start(self) -> None:
        """Start the process and keep it running until `stop`. Idempotent; also ends the state REFUSED."""
        if self._wanted and self.state is not State.REFUSED:
            return
        self._wanted = True
        self._watch = asyncio.get_running_loop().create_task(self._keep_running())

    def send_signal(self, number: signal.Signals) -> int | None:
        """Send a signal to the running process; return its id, or None when none runs. It is restarted if it ends."""
        if self._process is None or self.pid is None:
            return None
        self._process.send_signal(number)
        return self._process.pid

    async def stop(self, seconds: float = DRAIN_SECONDS) -> None:
        """Let the process drain (SIGTERM), kill it after `seconds`, do not start it again. Idempotent."""
        self._wanted = False
        if self.pid is not None:
            self.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(seconds):
                    await self._ended.wait()
            except TimeoutError:
                _log.warning("child_killed", instance=self.plan.name, wait_ms=int(seconds * 1000))
                self.send_signal(signal.SIGKILL)
                await self._ended.wait()
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        self.state = State.STOPPED

    async def _keep_running(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while self._wanted:
            began = time.monotonic()
            exit_code = await self._run_once()
            if not self._wanted:
                self.state = State.STOPPED
                return
            refused = exit_code == EXIT_CONFIGURATION
            self.state = State.REFUSED if refused else State.PAUSING
            _log.warning("child_ended", instance=self.plan.name, exit_code=exit_code, state=self.state.value)
            self._on_end(ChildEnded(self.plan.role, self.plan.instance, exit_code, refused, self.last_words()))
            if refused:
                return
            pause = _FIRST_PAUSE_SECONDS if time.monotonic() - began > _HEALTHY_SECONDS else pause
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _run_once(self) -> int:
        """Start one process and return its exit status when it has ended; EX_OSERR where the system gives none."""
        self._ended.clear()
        try:
            self.log_file.parent.mkdir(parents=True, exist_ok=True)
            self._process = process = spawn(
                self._command, log_file=self.log_file, death_signal=signal.SIGTERM, env=self._environment
            )
        except OSError as error:  # no process, memory, descriptor or disk left: later there may be
            _log.error("child_not_started", instance=self.plan.name, error=str(error))
            return os.EX_OSERR
        self.starts += 1
        self.state = State.RUNNING
        await _end_of(process.pid)
        exit_code = process.wait()
        self.state = State.STOPPED
        self._ended.set()
        return exit_code


class Supervisor:
    """The children of one machine. Create and use it inside a running event loop.

    `on_end` is called for every child that ended without being told to.
    """

    def __init__(
        self,
        plans: Sequence[ChildPlan],
        *,
        run_dir: Path,
        environment: Mapping[str, str],
        command: Sequence[str] = ROLE_COMMAND,
        on_end: Callable[[ChildEnded], None] = lambda _ended: None,
    ) -> None:
        common = {**os.environ, **environment}
        self.children = tuple(Child(plan, run_dir, common, command, on_end) for plan in plans)

    def start(self) -> None:
        """Start every child and return at once; `wait_ready` waits for them."""
        for child in self.children:
            child.start()

    def pids(self) -> dict[str, list[int]]:
        """Return the ids of the running processes by role; a role whose processes are all down has an empty list."""
        found: dict[str, list[int]] = {child.plan.role: [] for child in self.children}
        for child in self.children:
            if child.pid is not None:
                found[child.plan.role].append(child.pid)
        return found

    def of_role(self, role: str) -> tuple[Child, ...]:
        """Return the children of a role, in order; empty for a role that is not supervised here."""
        return tuple(child for child in self.children if child.plan.role == role)

    def refused(self) -> tuple[Child, ...]:
        """Return the children that ended with 78 and wait for a person."""
        return tuple(child for child in self.children if child.state is State.REFUSED)

    async def wait_ready(self, seconds: float, *children: Child) -> None:
        """Return when the given children (all when none is given) answer /readyz with 200.

        Raises `ConfigurationError` as soon as one of them ends with 78, `TransportError` after `seconds`; both name
        the child and show the end of its log.
        """
        waiting = list(children or self.children)
        deadline = time.monotonic() + seconds
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session:
            while waiting:
                waiting = [child for child in waiting if not await _is_ready(session, child)]
                _raise_for_refused(waiting)
                if waiting and time.monotonic() > deadline:
                    raise _not_ready(waiting[0])
                await asyncio.sleep(_READY_POLL_SECONDS if waiting else 0)

    async def stop(self, seconds: float = DRAIN_SECONDS) -> None:
        """Drain all children at once, kill what is left after `seconds`. Idempotent; no process is left."""
        await asyncio.gather(*(child.stop(seconds) for child in self.children))


async def _end_of(pid: int) -> None:
    """Wait, without polling, until the process has ended."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    descriptor = os.pidfd_open(pid)
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def until_signal(*numbers: signal.Signals) -> signal.Signals:
    """Wait for one of the signals (SIGINT and SIGTERM when none is given) and return it."""
    loop = asyncio.get_running_loop()
    received: asyncio.Queue[signal.Signals] = asyncio.Queue()
    chosen = numbers or (signal.SIGINT, signal.SIGTERM)
    for number in chosen:
        loop.add_signal_handler(number, received.put_nowait, number)
    try:
        return await received.get()
    finally:
        for number in chosen:
            loop.remove_signal_handler(number)


async def _is_ready(session: aiohttp.ClientSession, child: Child) -> bool:
    try:
        async with session.get(f"http://127.0.0.1:{child.health_port}/readyz") as answer:
            return answer.status == 200
    except (aiohttp.ClientError, OSError, TimeoutError):
        return False


def _raise_for_refused(children: Sequence[Child]) -> None:
    for child in children:
        if child.state is State.REFUSED:
            fault = f"it ended with {EXIT_CONFIGURATION}:\n{child.last_words()}\n"
            raise setting_invalid(child.plan.name, fault, f"The whole log is {child.log_file}.")


def _not_ready(child: Child) -> TransportError:
    text = f"{child.plan.name} (log {child.log_file}, its end:\n{child.last_words()}\n)"
    return TransportError(Reason.DEPENDENCY_UNREACHABLE, {"dependency": text})

"""The whole hub as real processes, started by the public command, and what a test may do to them by process id."""

import asyncio
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
from demo_process import end_demo, scratch_directory, wait_ready

_RESENT = 0.2
"""Share of everyday visits whose charges come again, so that a short run has enough of them."""
_PYTHON = Path(sys.executable)
_PLANTED = Path(__file__).with_name("planted")


class Sections:
    """Reads what the roles log about their critical sections: entered and left, by name."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs

    def marks(self) -> dict[str, int]:
        """Return how far each log is written now."""
        return {path.name: path.stat().st_size for path in self._logs.glob("*.log")}

    def inside(self, role: str, marks: Mapping[str, int]) -> list[str]:
        """Return the sections a role entered since the marks and has not left."""
        names: list[str] = []
        for path in self._logs.glob(f"{role}-*.log"):
            with path.open("rb") as log:
                log.seek(marks.get(path.name, 0))
                text = log.read()
            for line in text.splitlines():
                self._count(names, line)
        return names

    @staticmethod
    def _count(names: list[str], line: bytes) -> None:
        if b'"section' not in line:
            return
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            if entry.get("event") == "section_entered":
                names.append(entry["section"])
            elif entry.get("event") == "section_left" and entry["section"] in names:
                names.remove(entry["section"])


class Hub:
    """A running hub; addresses and ids are what its ready file says now."""

    def __init__(self, process: "subprocess.Popen[bytes]", ready_file: Path, sent_log: Path) -> None:
        self.process, self._ready_file, self.sent_log = process, ready_file, sent_log
        self.run_dir = Path(self.ready()["run_dir"])
        self.sections = Sections(self.run_dir / "logs")
        self.clock_file = self.run_dir / "clock.json"
        self.began = time.monotonic()

    def ready(self) -> dict[str, Any]:
        """Return the ready file's document."""
        return dict(json.loads(self._ready_file.read_text()))

    @property
    def addresses(self) -> dict[str, str]:
        """Where everything listens."""
        return dict(self.ready()["addresses"])

    def pids(self, role: str) -> list[int]:
        """Return the ids of a role's processes that live."""
        return [pid for pid in self.ready()["pids"].get(role, []) if psutil.pid_exists(pid)]

    async def pid(self, role: str, seconds: float = 60) -> int:
        """Return the id of a role's first process, as soon as it has one. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while not (found := self.pids(role)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {role} runs after {seconds} s")
            await asyncio.sleep(0.1)
        return found[0]

    def environment(self, pid: int) -> dict[str, str]:
        """Return what a child was told, so that a second worker is told the same."""
        pairs = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        return dict(pair.decode().split("=", 1) for pair in pairs if b"=" in pair)

    @contextlib.contextmanager
    def second_worker(self, role: str, pid: int) -> Iterator["subprocess.Popen[bytes]"]:
        """Run another process of a role beside the supervised one; it leaves in good order."""
        environment = {**self.environment(pid), "MEDCREDIT_HEALTH__PORT": "0"}
        with (self.run_dir / "logs" / f"{role}-9.log").open("ab") as log:
            process = subprocess.Popen(
                [_PYTHON, "-m", "hub.cli", "run", role], env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def verify(self) -> dict[str, Any]:
        """Return what `medcredit verify --deep` says, run as its own process."""
        environment = self.environment(self.pids("streams")[0])
        done = subprocess.run(
            [_PYTHON, "-m", "hub.cli", "verify", "--deep", "--json"],
            env=environment,
            capture_output=True,
            timeout=120,
            check=False,
        )
        return {"ok": False, "error": done.stderr.decode()[-2000:], **json.loads(done.stdout or b"{}")}


@asynccontextmanager
async def running_hub(
    where: Path, *, seed: int, rate: float, speed: float, stretch: Mapping[str, int], plant: str = ""
) -> AsyncIterator[Hub]:
    """Start the demo below `where`, yield it when everything is ready; afterwards nothing of it is left.

    `plant` names a fault of `planted/sitecustomize.py` that every role starts with.
    """
    scratch = scratch_directory()
    numbers = (
        "--rate",
        rate,
        "--resent",
        _RESENT,
        "--seed",
        seed,
        "--speed",
        speed,
        "--stretch",
        json.dumps(dict(stretch)),
        "--journeys",
        "basic",  # whose outcome the oracle's own arithmetic knows
    )
    planted = {"PYTHONPATH": str(_PLANTED), "MEDCREDIT_TEST_PLANT": plant} if plant else {}
    process = _start(where, [str(each) for each in numbers], {**os.environ, "TMPDIR": str(scratch), **planted})
    try:
        await asyncio.to_thread(wait_ready, process, where)
        yield Hub(process, where / "ready.json", where / "sent.jsonl")
    finally:
        await asyncio.to_thread(end_demo, process)
        shutil.rmtree(scratch, ignore_errors=True)


def _start(where: Path, numbers: list[str], environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    files = ["--ready-file", str(where / "ready.json"), "--sent-log", str(where / "sent.jsonl")]
    apart = ("--port-offset", str(10 * random.randrange(100, 2000)))  # from demos beside: a killed server's port waits
    real = ("--ladder-scale", "1")  # the oracle knows the gateways' real waits
    command = [str(_PYTHON), "-m", "hub.cli", "demo", "--no-browser", "--json", *apart, *real, *files, *numbers]
    with (where / "demo.log").open("wb") as output:
        return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)

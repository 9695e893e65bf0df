"""`medcredit demo` as a process of a test: started, waited for, ended with everything it started."""

import contextlib
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psutil

READY_SECONDS = 150


def scratch_directory() -> Path:
    """Return a new directory for a demo's own files; the caller removes it."""
    made = Path(tempfile.mkdtemp(prefix="medcredit-demo-"))
    made.chmod(0o711)  # PostgreSQL, started by root, runs under another account
    return made


def wait_ready(process: "subprocess.Popen[bytes]", where: Path) -> None:
    """Return when the demo has written `ready.json` there; raises RuntimeError with its log when it never does."""
    deadline = time.monotonic() + READY_SECONDS
    while not (where / "ready.json").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the demo did not become ready:\n{(where / 'demo.log').read_text()[-3000:]}")
        time.sleep(0.1)


def end_demo(process: "subprocess.Popen[bytes]") -> None:
    """Interrupt the demo, which stops its children; end what is left of its family by id."""
    family = []
    with contextlib.suppress(psutil.NoSuchProcess):
        family = psutil.Process(process.pid).children(recursive=True)
    for each in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.send_signal(signal.SIGCONT)
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(40)
    if process.poll() is None:
        process.kill()
        process.wait()
    for each in psutil.wait_procs(family, timeout=1)[1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()

"""What the embedded broker and the embedded database share: one process, one port, one directory of its own."""

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from infra.errors import PortTakenError, StartError
from infra.processes import free_port, port_is_free, tail, wait_until
from infra.store import make_store, remove_store

_ATTEMPTS = 3
_LOG_LINES = 40


class EmbeddedServer:
    """A server this process owns. Not safe for use by several threads at once."""

    name: ClassVar[str]
    """As an error message calls it."""
    port_taken: ClassVar[str]
    """What its log says when it cannot listen at its port."""
    stop_signal: ClassVar[signal.Signals]

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._store: Path | None = None
        self._port = 0

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs, else None."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    @property
    def log_file(self) -> Path:
        """Where the server writes its log."""
        raise NotImplementedError

    def start(
        self, data_dir: Path | str, port: int | None = None, *, report: Callable[[str], None] = lambda _text: None
    ) -> str:
        """Start on `data_dir` (made when new), wait until it serves, return its address.

        `port` None means a free one is chosen. Raises `PortTakenError` when `port` is another program's, even if it was
        free a moment ago; `StartError` with the end of the log when it does not come up, or when `data_dir` holds
        somebody else's files.
        """
        if self.pid is not None:
            raise StartError(f"this {self.name} already runs: stop it before starting it again")
        if port is not None and not port_is_free(port):
            raise _taken(port)
        self._prepare(Path(data_dir).resolve(), report)
        for _ in range(_ATTEMPTS):
            self._port = port or free_port()
            if self._launch():
                return self.address
            if self.port_taken not in tail(self.log_file, _LOG_LINES):
                raise StartError(f"{self.name} did not start. End of {self.log_file}:\n{tail(self.log_file)}")
        raise _taken(self._port)

    @property
    def address(self) -> str:
        """Where clients reach it; the same after `restart`."""
        raise NotImplementedError

    def restart(self, *, kill: bool = False) -> str:
        """Stop (or kill) the server if it runs and start it on the same data and port; return the same address."""
        if kill:
            self.kill()
        else:
            self.stop()
        if self._port == 0:
            raise StartError(f"this {self.name} never ran: start it first")
        return self.start(self._directory, self._port)

    def stop(self, seconds: float = 10.0) -> None:
        """Ask the server to stop, kill it after `seconds`. Idempotent, no process is left."""
        self._end(self.stop_signal, seconds)

    def kill(self) -> None:
        """End the server with SIGKILL, as a power cut would; data stays for `restart`. Idempotent."""
        self._end(signal.SIGKILL, 10.0)

    def destroy(self) -> None:
        """Kill the server and remove the directories it made, for data nobody needs again. Idempotent.

        A server that never started removes nothing.
        """
        self.kill()
        remove_store(self._store)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal (SIGSTOP, SIGCONT) to the running server; raises `StartError` when none runs."""
        if self._process is None or self.pid is None:
            raise StartError(f"no {self.name} runs: start it before sending it a signal")
        self._process.send_signal(number)

    @property
    def _directory(self) -> Path:
        if self._store is None:
            raise StartError(f"this {self.name} never ran: start it first")
        return self._store

    def _make_store(self, directory: Path) -> Path:
        """Make a directory, or take one this program made before. Raises `StartError` for somebody else's files."""
        try:
            return make_store(directory)
        except ValueError as error:
            raise StartError(str(error)) from error

    def _prepare(self, directory: Path, report: Callable[[str], None]) -> None:
        """Make what a first start needs; leave what is there."""
        raise NotImplementedError

    def _spawn(self) -> "subprocess.Popen[bytes]":
        """Start the process."""
        raise NotImplementedError

    def _serves(self) -> bool:
        """Say whether clients are served now."""
        raise NotImplementedError

    def _launch(self, seconds: float = 60.0) -> bool:
        """Start the process; say whether it serves within `seconds`. A process that failed is gone afterwards."""
        self.log_file.unlink(missing_ok=True)
        self._process = process = self._spawn()
        wait_until(lambda: process.poll() is not None or self._serves(), seconds=seconds, pause=0.02)
        if process.poll() is None and self._serves():
            return True
        self.kill()
        return False

    def _end(self, number: signal.Signals, seconds: float) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def _taken(port: int) -> PortTakenError:
    return PortTakenError(f"port {port} of 127.0.0.1 is taken by another program: choose another, or leave it out")

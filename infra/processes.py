"""Child processes that cannot outlive their parent, and the ports they listen on."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Runs in the new process before the program itself: gives up root when told to, asks the kernel for a signal at the
# parent's end (which a change of user would forget, hence the order), and becomes the program. A forked Python
# function could do the same, but forking a program with threads is what Python 3.12 warns of.
_LAUNCHER = """
import ctypes, os, signal, sys
for ignored_by_python in (signal.SIGPIPE, signal.SIGXFSZ):
    signal.signal(ignored_by_python, signal.SIG_DFL)
parent, death_signal, user, group = map(int, sys.argv[1:5])
if user >= 0:
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)
PR_SET_PDEATHSIG = 1
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal)
if os.getppid() == parent:
    os.execv(sys.argv[5], sys.argv[5:])
"""
_NOBODY_ELSE = -1
# The kernel sends the death signal when the *thread* that forked ends, so children asked for by short-lived
# threads are forked by this one, which lives as long as the process.
_SPAWNER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


def spawn(
    command: Sequence[str | Path],
    *,
    log_file: Path,
    death_signal: signal.Signals,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: int | None = None,
    group: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` (its program by full path) in its own session, output appended to `log_file`.

    It gets `death_signal` when this process ends, however that ends. `user` and `group` are numeric and given together
    (root dropping its privileges). The own session keeps a terminal's Ctrl-C away from the child: the parent decides
    the order in which things stop.
    """
    identity = [user, group] if user is not None else [_NOBODY_ELSE, _NOBODY_ELSE]
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, os.getpid(), int(death_signal), *identity]

    def fork() -> subprocess.Popen[bytes]:
        with log_file.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - commands are built by this package from its own wheels
                [str(part) for part in (*launcher, *command)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(env) if env is not None else None,
                cwd=cwd,
                start_new_session=True,
            )

    if threading.current_thread() is threading.main_thread():
        return fork()
    return _SPAWNER.submit(fork).result()


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that is free now (another process may take it before it is used)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int) -> bool:
    """Say whether a listener on 127.0.0.1 could bind `port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def hold_port(port: int) -> socket.socket | None:
    """Return a socket that keeps `port` of 127.0.0.1 for this user's listeners that share it; None when it is taken.

    It never listens. Without it two programs that both share their port between processes would share it with each
    other, and the kernel would give each connection to either.
    """
    held = _bound(port, shared_before=False)
    if held is None and port_is_free(port):  # connections that have ended still wait out their time there
        held = _bound(port, shared_before=True)
    return held


def _bound(port: int, *, shared_before: bool) -> socket.socket | None:
    """Return a bound socket that later ones may share; one shared before it is bound suffers earlier ones, too."""
    held = socket.socket()
    try:
        if shared_before:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", port))
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError:
        held.close()
        return None
    return held


def wait_until(condition: Callable[[], bool], *, seconds: float, pause: float = 0.03) -> bool:
    """Ask `condition` every `pause` seconds; return True when it holds, False after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


def tail(path: Path, lines: int = 15) -> str:
    """Return the last `lines` lines of a log file, for an error message; empty when there is none."""
    if not path.exists():
        return ""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])

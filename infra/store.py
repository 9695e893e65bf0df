"""Directories an embedded service made for its data, and the only code of the launchers that removes any.

A directory is marked with a file when it is made, and removed only when it carries that mark: an empty path, the
current directory, or a directory somebody else filled is never removed, whatever the caller believes.
"""

import shutil
from pathlib import Path

_MARK = ".medcredit-store"


def make_store(directory: Path) -> Path:
    """Make `directory` (0700 when new) and mark it as ours; return it. Idempotent.

    Raises `ValueError` for a path that is not absolute, and for a directory that holds other things and no mark.
    """
    if not directory.is_absolute():
        raise ValueError(f"{directory} is not an absolute path")
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (directory / _MARK).exists():
        if any(directory.iterdir()):
            raise ValueError(f"{directory} holds files that no embedded service made: choose an empty directory")
        (directory / _MARK).touch()
    return directory


def remove_store(directory: Path | None) -> None:
    """Remove a directory `make_store` made; leave anything else as it is. Idempotent."""
    if directory is None or not directory.is_absolute() or not (directory / _MARK).is_file():
        return
    shutil.rmtree(directory, ignore_errors=True)

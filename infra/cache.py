"""Where downloaded files are kept between runs, whoever runs the program and whatever HOME holds."""

import os
import tempfile
from pathlib import Path

from infra.errors import StartError


def cache_dir() -> Path:
    """Return the per-user cache directory, created, private to the user (0700).

    Order: `MEDCREDIT_CACHE`, `XDG_CACHE_HOME/medcredit`, `~/.cache/medcredit`; without a writable home
    (a service account, HOME empty) a directory of this user under the temporary directory.
    """
    for candidate in _candidates():
        if _usable(candidate):
            return candidate
    raise StartError(
        "no writable cache directory. Set MEDCREDIT_CACHE to a directory this user may write, for example /var/tmp/mc"
    )


def _candidates() -> list[Path]:
    explicit = os.environ.get("MEDCREDIT_CACHE")
    if explicit:
        return [Path(explicit)]
    found = []
    if xdg := os.environ.get("XDG_CACHE_HOME"):
        found.append(Path(xdg) / "medcredit")
    if home := os.environ.get("HOME"):
        found.append(Path(home) / ".cache" / "medcredit")
    return [*found, Path(tempfile.gettempdir()) / f"medcredit-cache-{os.getuid()}"]


def _usable(directory: Path) -> bool:
    """Create `directory`; say whether it belongs to this user and can be written (a planted one is refused)."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return False
    return directory.stat().st_uid == os.getuid() and os.access(directory, os.W_OK)

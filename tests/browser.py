"""A Chromium for the page's tests: the machine's own, or one fetched for it.

Order: `MEDCREDIT_TEST_CHROMIUM`, a Chromium or Chrome on PATH, Playwright's download, the system's package manager
when root. Root without Chinese glyphs also gets a font, so that the Chinese page is not drawn as boxes.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FETCH_SECONDS = 300
_FONT = "fonts-wqy-microhei"
_PLAYWRIGHT_PATH = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""


def find_chromium() -> Path | None:
    """Return a Chromium that starts on this machine, fetching one when there is none; None when that fails too."""
    found = next((path for path in _candidates() if _starts(path)), None)
    if found is not None:
        ensure_chinese_font()
    return found


def ensure_chinese_font() -> None:
    """Install a font with Chinese glyphs when there is none and this is root; otherwise leave things as they are."""
    if not _run("fc-list", ":lang=zh", "family").strip():
        _install(_FONT)


def _candidates() -> Iterator[Path]:
    """Yield paths one after the other: what costs a download comes last and only when asked for."""
    named = [os.environ.get("MEDCREDIT_TEST_CHROMIUM"), *(shutil.which(name) for name in _NAMES)]
    yield from (Path(path) for path in named if path)
    yield from _playwright_chromium()
    _run(sys.executable, "-m", "playwright", "install", "chromium")
    yield from _playwright_chromium()
    _install("chromium")
    yield from (Path(path) for name in _NAMES if (path := shutil.which(name)))


def _playwright_chromium() -> Iterator[Path]:
    path = _run(sys.executable, "-c", _PLAYWRIGHT_PATH).strip()
    if path and Path(path).exists():
        yield Path(path)


def _starts(path: Path) -> bool:
    """Say whether this browser runs here: a downloaded one may lack the system's libraries."""
    return "Chrom" in _run(str(path), "--version")


def _install(package: str) -> None:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _run("apt-get", "update")
        _run("apt-get", "install", "--yes", "--no-install-recommends", package)


def _run(*command: str) -> str:
    """Return what a command prints, or an empty text when it is missing, fails or takes too long."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(  # noqa: PLW1510 - a failure is an answer here
            command, capture_output=True, text=True, timeout=_FETCH_SECONDS, env=environment
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""

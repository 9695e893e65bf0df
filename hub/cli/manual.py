"""The reference of the command line, docs/cli.md: written from what `--help` says, so it cannot differ from it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer

MANUAL: Final = Path(__file__).parents[2] / "docs" / "cli.md"
_HEAD: Final = """# The command line

Written from `--help` by `medcredit schema write`; do not edit.

Data is on stdout, progress and errors on stderr. `--json` prints one document, also on failure (`tail`: one object a
line); its schema is `schemas/json/cli-<verb>.json`, that of a failure `schemas/json/cli-problem.json`.

| exit code | means |
|---|---|
| 0 | done |
| 1 | done, and it found something: a lint error, a broken invariant, a difference, FAIL |
| 2 | the call is wrong |
| 3 | refused by a rule; its code is printed |
| 4 | not found |
| 69 | a dependency does not answer: try again |
| 70 | our bug |
| 77 | role or consent missing |
| 78 | configuration: a person must look |
| 130 | interrupted |
"""


def manual() -> str:
    """Return the page."""
    from hub.cli import build  # noqa: PLC0415 - the application imports this module

    root = typer.main.get_command(build())
    return "\n".join((_HEAD, *_sections(root, "medcredit")))


def _sections(command: Any, path: str) -> Iterator[str]:
    """Yield one section for each verb, groups first."""
    inner: dict[str, Any] = getattr(command, "commands", {})
    for name in sorted(inner):
        yield from _sections(inner[name], f"{path} {name}")
    if not inner:
        yield _section(command, path)


def _section(command: Any, path: str) -> str:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option" and each.name != "help"]
    usage = " ".join(
        (path, *((each.metavar or each.name.upper()) for each in arguments), "[OPTIONS]" if options else "")
    )
    lines = [f"## {path}", "", command.help.strip(), "", f"    {usage.strip()}", ""]
    lines += [f"- `{each.metavar or each.name.upper()}`: {each.help or ''}".rstrip() for each in arguments]
    lines += [f"- `{', '.join(each.opts)}`: {each.help or ''}".rstrip() for each in options]
    return "\n".join(lines) + "\n"

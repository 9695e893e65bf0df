"""The command line as a test calls it: in this process for what needs no services, as a process for the rest."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest

import hub.cli
from hub.cli.output import Voice, voice
from hub.runtime.settings import Settings, environment

SCHEMAS = Path(__file__).parents[1] / "schemas" / "json"


class Called(NamedTuple):
    """What one call left behind."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Everything on stdout as one JSON document: anything else there is an error."""
        return json.loads(self.out)

    def valid(self, verb: str) -> Any:
        """Return the document once it fits the checked-in schema of the verb."""
        schema = json.loads((SCHEMAS / f"cli-{verb}.json").read_text("utf-8"))
        jsonschema.validate(self.document, schema)
        return self.document


def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> Called:
    """Call `medcredit ARGUMENTS` in this process."""
    monkeypatch.setattr(sys, "argv", ["medcredit", *arguments])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # main sets its own
    monkeypatch.setattr(hub.cli, "_keep_stdout_for_results", lambda: None)  # it would last beyond the test
    vars(voice).update(vars(Voice()))
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        hub.cli.main()
    captured = capsys.readouterr()
    status = ended.value.code
    return Called(status if isinstance(status, int) else 0, captured.out, captured.err)


async def run(settings: Settings, *arguments: str, cwd: Path | None = None, **variables: str) -> Called:
    """Run `medcredit ARGUMENTS` as a process of its own, with these settings."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "hub.cli", *arguments),
        env={**os.environ, **environment(settings), **variables, "LANG": "C.UTF-8"},
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await child.communicate()
    return Called(child.returncode or 0, out.decode(), err.decode())

"""How verbs speak: results on stdout, progress and errors on stderr, one JSON document with `--json`."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import typer

from hub.cli.layout import columns_of, fitted
from schemas.errors import HubError
from schemas.reasons import REASONS, Reason, reason_text

JSON_OPTION = typer.Option("--json", help="Print one JSON document and nothing else on stdout.")
Language = Literal["en", "zh"]


@dataclass
class Voice:
    """How this call wants to be spoken to; the common options set it before the verb runs."""

    as_json: bool = False
    quiet: bool = False
    language: Language | None = None
    color: bool = True
    yes: bool = False


voice = Voice()
"""One process is one call, so there is one voice."""


class VerbError(Exception):
    """A verb cannot go on: what happened, what to do, and the exit code (experience 2.1). `code` is for machines."""

    def __init__(self, code: str, text: str, *, exit_code: int, do: str = "", retriable: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.exit_code = exit_code
        self.do = do
        self.retriable = retriable


class Problem(msgspec.Struct, frozen=True):
    """What `--json` prints when a verb fails (experience 6)."""

    type: str
    code: str
    detail: str
    retriable: bool
    exit_code: int
    do: str = ""


def language() -> Language:
    """Return the language of texts: `--lang`, else `zh` when LANG begins with it."""
    return voice.language or ("zh" if os.environ.get("LANG", "").startswith("zh") else "en")


def speaks_json() -> bool:
    """Return whether this call wants one JSON document; also when it failed before its options were read."""
    return voice.as_json or "--json" in sys.argv


def note(text: str) -> None:
    """Say something about progress on stderr; nothing under `--quiet`."""
    if not voice.quiet:
        _to_stderr(text)


def say(text: str) -> None:
    """Print a line of the result on stdout, on a terminal no wider than it; nothing under `--json`."""
    if not speaks_json():
        for line in fitted(text, columns_of(sys.stdout)):
            sys.stdout.write(f"{line}\n")


def say_as_it_is(text: str) -> None:
    """Print a line whose columns mean something, as those of a message do; nothing under `--json`."""
    if not speaks_json():
        sys.stdout.write(f"{text}\n")


def show(document: Mapping[str, Any] | list[Any]) -> None:
    """Print one JSON document on stdout; Chinese stays readable."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=1, default=str) + "\n")
    sys.stdout.flush()


def answer(document: msgspec.Struct) -> None:
    """Print a verb's document under `--json`; without it the verb has said its lines."""
    if speaks_json():
        show(msgspec.to_builtins(document))


def answer_line(document: msgspec.Struct) -> None:
    """Print one object on one line: what streams print under `--json`."""
    sys.stdout.write(msgspec.json.encode(document).decode() + "\n")
    sys.stdout.flush()


_STATE_COLORS = {"OK": "32", "WARN": "33", "FAIL": "31", "SKIP": "2"}


def state_word(state: str) -> str:
    """Return OK, WARN, FAIL or SKIP padded to five places; colour only beside the word, and only on a terminal."""
    padded = f"{state:<5}"
    if not (voice.color and sys.stdout.isatty() and "NO_COLOR" not in os.environ):
        return padded
    return f"\x1b[{_STATE_COLORS.get(state, '0')}m{padded}\x1b[0m"


def fail(reason: Reason, parameters: Mapping[str, str] | None = None, exit_code: int = 3) -> int:
    """Print a refusal as code, text and documentation page, as problem JSON under `--json`; return the exit code."""
    text = reason_text(reason, language(), parameters)
    return fail_with(VerbError(reason, text, exit_code=exit_code, retriable=REASONS[reason].retriable))


def fail_of(error: HubError) -> int:
    """Print a designed error; return its exit code."""
    return fail(error.reason, error.parameters, error.exit_code)


def fail_with(error: VerbError) -> int:
    """Print an error of a verb; return its exit code."""
    page = f"/docs/errors/{error.code}"
    if speaks_json():
        answer(Problem(page, str(error.code), error.text, error.retriable, error.exit_code, error.do))
    _to_stderr(f"error {error.code}: {error.text}")
    if error.do:
        _to_stderr(f"do: {error.do}")
    return error.exit_code


def _to_stderr(text: str) -> None:
    for line in fitted(text, columns_of(sys.stderr)):
        sys.stderr.write(f"{line}\n")
    sys.stderr.flush()

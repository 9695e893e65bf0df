"""How verbs speak: results on stdout, progress and errors on stderr, one JSON document with `--json`."""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any, Literal

import typer

from schemas.reasons import REASONS, Reason, reason_text

JSON_OPTION = typer.Option("--json", help="Print one JSON document and nothing else on stdout.")


def language() -> Literal["en", "zh"]:
    """Return the language of texts: `zh` when LANG begins with it."""
    return "zh" if os.environ.get("LANG", "").startswith("zh") else "en"


def note(text: str) -> None:
    """Say something about progress on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def show(document: Mapping[str, Any] | list[Any]) -> None:
    """Print one JSON document on stdout; Chinese stays readable."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=1, default=str) + "\n")
    sys.stdout.flush()


def fail(reason: Reason, parameters: Mapping[str, str] | None = None, exit_code: int = 3) -> int:
    """Print a refusal as code, text and documentation page, as problem JSON under `--json`; return the exit code."""
    text = reason_text(reason, language(), parameters)
    if "--json" in sys.argv:
        retriable = REASONS[reason].retriable
        show({"type": f"/docs/errors/{reason}", "code": reason, "detail": text, "retriable": retriable})
    note(f"error {reason}: {text}")
    return exit_code

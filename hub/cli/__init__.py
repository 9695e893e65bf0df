"""The command line, and the only place where parts are put together (experience 2).

Exit codes: 0 done · 1 done, and it found something · 2 usage · 3 refused by a rule · 4 not found · 69 dependency
unreachable, try again · 70 our bug · 77 role or consent missing · 78 configuration · 130 interrupted.
"""

import importlib
import logging
import os
import sys
import traceback
from collections.abc import Iterable
from types import TracebackType
from typing import Any

import structlog
import typer

from hub.cli.output import VerbError, fail_of, fail_with, speaks_json
from schemas.errors import HubError

_MODULES = {
    "demo": "demo",
    "doctor": "doctor",
    "run": "run",
    "migrate": "migrate",
    "topics": "topics",
    "tail": "tail",
    "find": "find",
    "explain": "explain",
    "verify": "verify",
    "reconcile": "reconcile",
    "report": "report",
    "dlq": "desk",
    "hl7": "hl7",
    "callback": "callbacks",
    "schema": "schema",
    "policy": "policy",
    "bench": "bench",
    "simulate": "simulate",
}
"""Each verb and the module of this package that adds it."""
VERBS = tuple(_MODULES)


def build(verbs: Iterable[str] = VERBS) -> typer.Typer:
    """Return the application with these verbs; each module adds its own."""
    app = typer.Typer(
        name="medcredit",
        help="Credit-based medical payment: treat first, pay later, not one fen lost.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )

    @app.callback()
    def _root() -> None:
        """Credit-based medical payment: treat first, pay later, not one fen lost."""

    for verb in verbs:
        importlib.import_module(f"hub.cli.{_MODULES[verb]}").register(app)
    return app


def main() -> None:
    """Run one verb; a designed error ends with its own exit code, text and remedy, never with a stack trace."""
    # A verb must not pay for the imports of the others: a role starts often and beside others.
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    _keep_stdout_for_results()
    try:
        status = _run((asked,) if asked in _MODULES else VERBS)
    finally:
        sys.excepthook = _our_bug  # now: typer puts a hook of its own in its place while it runs
    sys.exit(status)


def _keep_stdout_for_results() -> None:
    """Send what parts of the hub log to stderr; a role configures its own log afterwards."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it logs about a broker away is said in our words


def _run(verbs: Iterable[str]) -> Any:
    try:
        return build(verbs)(standalone_mode=False)
    except HubError as error:
        return fail_of(error)
    except VerbError as error:
        return fail_with(error)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except typer.TyperException as error:
        return _misused(error)


def _misused(error: typer.TyperException) -> int:
    """Say what is wrong with the call, as every other failure is said; return 2."""
    show = getattr(error, "show", None)
    if speaks_json() or show is None:
        text = getattr(error, "format_message", lambda: str(error))()
        return fail_with(VerbError("USAGE", text, exit_code=2, do="See --help, which has an example."))
    show(file=sys.stderr)
    return 2


def _our_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show the defect and end with 70, so that scripts tell it from something found (1)."""
    if speaks_json():
        fail_with(VerbError("DEFECT", repr(error), exit_code=70, do="Report it with the trace on stderr."))
    traceback.print_exception(kind, error, trace)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(70)

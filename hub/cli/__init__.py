"""The command line, and the only place where parts are put together (experience 2).

Exit codes: 0 done · 1 done, and it found something · 2 usage · 3 refused by a rule · 4 not found · 69 dependency
unreachable, try again · 70 our bug · 77 role or consent missing · 78 configuration · 130 interrupted.
"""

import importlib
import sys

import typer

from hub.cli.output import fail
from schemas.errors import HubError

_VERBS = ("demo", "migrate", "run", "schema", "verify")


def build(verbs: tuple[str, ...] = _VERBS) -> typer.Typer:
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
        importlib.import_module(f"hub.cli.{verb}").register(app)
    return app


def main() -> None:
    """Run one verb; a designed error ends with its own exit code, text and remedy, never with a stack trace."""
    # A role starts often and beside others: it must not pay for the imports of the other verbs.
    verbs = ("run",) if sys.argv[1:2] == ["run"] else _VERBS
    try:
        build(verbs)()
    except HubError as error:
        sys.exit(fail(error.reason, error.parameters, error.exit_code))
    except KeyboardInterrupt:
        sys.exit(130)

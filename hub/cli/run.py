"""`medcredit run`: one role in this process, or `all` as supervised children; the production entry point."""

import importlib
import sys
from typing import Annotated, cast

import typer

from hub.cli.verbs import verb
from hub.runtime.settings import Settings, read_settings

ROLES = ("edge", "streams", "views", "courier", "projector", "clerk", "web")
"""Each is one module in hub.roles with `main(settings) -> exit status`."""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    verb(app, "run")(run_role)


def run_role(
    role: Annotated[str, typer.Argument(help=f"all, {', '.join(ROLES)}")],
) -> None:
    """Run one role of the hub until SIGTERM, which drains. Example: medcredit run streams."""
    if role not in ("all", *ROLES):
        raise typer.BadParameter(f"{role} is not a role: all, {', '.join(ROLES)}")
    settings = read_settings()
    if role == "all":
        from hub.cli.supervise import run_all  # noqa: PLC0415 - a single role needs no supervisor

        sys.exit(run_all(settings))
    sys.exit(_start(role, settings))


def _start(role: str, settings: Settings) -> int:
    # Imported by name: a role must not pay for the imports of the others.
    return cast("int", importlib.import_module(f"hub.roles.{role}").main(settings))

"""`medcredit run`: one role in this process, or `all` as supervised children; the production entry point."""

import asyncio
import importlib
import sys
from typing import Annotated, cast

import typer

from hub.cli.verbs import verb
from hub.runtime.logs import configure_logging
from hub.runtime.settings import Settings, read_settings
from hub.runtime.start_checks import NEEDS, RoleName, check_start

ROLES = tuple(NEEDS)
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
    sys.exit(_start(cast("RoleName", role), settings))


def _start(role: RoleName, settings: Settings) -> int:
    """Start a role once everything it needs of the stores is right; its log says what it must wait for."""
    configure_logging(role, settings.log_level, settings.log_format)
    asyncio.run(check_start(settings, NEEDS[role]))
    # Imported by name: a role must not pay for the imports of the others.
    return cast("int", importlib.import_module(f"hub.roles.{role}").main(settings))

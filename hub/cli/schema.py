"""`medcredit schema`: the generated files, written from the code and compared with it."""

import sys
from pathlib import Path

import typer

from adapters.api import openapi as write_routes
from hub.cli.documents import schema_files
from hub.cli.manual import MANUAL, manual
from hub.cli.output import note
from hub.cli.policy_page import POLICY_PAGE, policy_page
from hub.web import openapi as read_routes
from schemas.generated import FOLDER, generated_files

schema = typer.Typer(help="JSON Schemas and AsyncAPI of the topics, OpenAPI of the routes.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.add_typer(schema, name="schema")


@schema.command("check")
def check() -> None:
    """Exit 1 when a generated file differs from the code. Example: medcredit schema check."""
    stale = [path for path, text in _files().items() if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        note(f"FAIL {path.relative_to(FOLDER.parent)} is out of date      do: medcredit schema write")
    sys.exit(1 if stale else 0)


@schema.command("write")
def write() -> None:
    """Write the generated files again. Example: medcredit schema write."""
    for path, text in _files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def _files() -> dict[Path, str]:
    """Return every generated file with its text."""
    routes = {write_routes.DOCUMENT: write_routes.text(), read_routes.FILE: read_routes.text()}
    return {**generated_files(), **routes, **schema_files(), MANUAL: manual(), POLICY_PAGE: policy_page()}

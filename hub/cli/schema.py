"""`medcredit schema`: the generated files, written from the code and compared with it."""

import sys
from pathlib import Path

import typer

from adapters.api import openapi as write_routes
from hub.cli.documents import SchemaCheck, schema_files
from hub.cli.manual import MANUAL, manual
from hub.cli.output import answer, say
from hub.cli.policy_page import POLICY_PAGE, policy_page
from hub.cli.verbs import verb
from hub.web import openapi as read_routes
from schemas.generated import FOLDER, generated_files

schema = typer.Typer(help="JSON Schemas and AsyncAPI of the topics, OpenAPI of the routes.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.add_typer(schema, name="schema")


@verb(schema, "check")
def check() -> None:
    """Exit 1 when a generated file differs from the code. Example: medcredit schema check."""
    files = _files()
    stale = [path for path, text in files.items() if not path.exists() or path.read_text("utf-8") != text]
    names = tuple(str(path.relative_to(FOLDER.parent)) for path in stale)
    for name in names:
        say(f"FAIL {name} is out of date      do: medcredit schema write")
    if not stale:
        say(f"OK {len(files)} generated files are what the code would write")
    answer(SchemaCheck(not stale, len(files), names))
    sys.exit(1 if stale else 0)


@verb(schema, "write")
def write() -> None:
    """Write the generated files again. Example: medcredit schema write."""
    files = _files()
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    say(f"OK {len(files)} generated files written")
    answer(SchemaCheck(ok=True, files=len(files), stale=()))


def _files() -> dict[Path, str]:
    """Return every generated file with its text."""
    routes = {write_routes.DOCUMENT: write_routes.text(), read_routes.FILE: read_routes.text()}
    return {**generated_files(), **routes, **schema_files(), MANUAL: manual(), POLICY_PAGE: policy_page()}

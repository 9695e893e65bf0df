"""`medcredit schema`: the generated files, written from the code and compared with it."""

import sys

import typer

from hub.cli.output import note
from schemas.generated import FOLDER, stale_files, write_files

schema = typer.Typer(help="JSON Schemas and AsyncAPI of the topics, OpenAPI of the routes.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.add_typer(schema, name="schema")


@schema.command("check")
def check() -> None:
    """Exit 1 when a generated file differs from the code. Example: medcredit schema check."""
    stale = stale_files()
    for path in stale:
        note(f"FAIL {path.relative_to(FOLDER.parent)} is out of date      do: medcredit schema write")
    sys.exit(1 if stale else 0)


@schema.command("write")
def write() -> None:
    """Write the generated files again. Example: medcredit schema write."""
    write_files()

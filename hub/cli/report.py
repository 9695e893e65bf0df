"""`medcredit report`: tables of a closed day, for a terminal, as CSV or as JSON (experience 2.1)."""

import csv
import io
import sys
from typing import Annotated

import typer

from hub.cli.hub_api import TOKEN, URL, HubApi, quoted
from hub.cli.layout import in_columns
from hub.cli.output import answer, language, note, say, speaks_json
from hub.cli.verbs import verb
from hub.web.answers import Page
from hub.web.clearing_answers import ReportAnswer, ReportName
from schemas.money import yuan_text

report = typer.Typer(help="Daily credit ledger, T+1, ageing, debit success, minutes saved.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.add_typer(report, name="report")


@verb(report, "list")
def list_reports(url: URL = "", token: TOKEN = "") -> None:
    """List the reports that can be made. Example: medcredit report list."""
    found = HubApi(url, token).get("/reports", Page[ReportName])
    for each in found.items:
        say(f"{each.name:<16} {each.zh if language() == 'zh' else each.en}")
    answer(found)


@verb(report, "make")
def make(
    name: Annotated[str, typer.Argument(help="A name of `report list`.")],
    date: Annotated[str, typer.Option("--date", help="A closed city day, as 2026-07-03.")],
    url: URL = "",
    token: TOKEN = "",
    *,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV: amounts in yuan, the first line names.")] = False,
) -> None:
    """Make a report of a day. Example: medcredit report make daily-credit --date 2026-07-03 --csv."""
    found = HubApi(url, token).get(f"/reports/{quoted(name)}", ReportAnswer, day=date)
    if as_csv and not speaks_json():
        sys.stdout.write(csv_text(found))
        return
    table = [[_heading(column) for column in found.columns], *(_cells(found, row) for row in found.rows)]
    for line in in_columns(table):
        say(line)
    note(f"{len(found.rows)} rows")
    answer(found)


def csv_text(found: ReportAnswer) -> str:
    """Return the report as CSV, without a byte order mark, lines ended by LF."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow([_heading(column) for column in found.columns])
    writer.writerows(_cells(found, row) for row in found.rows)
    return written.getvalue()


def _heading(column: str) -> str:
    return f"{column.removesuffix('_fen')}_yuan" if column.endswith("_fen") else column


def _cells(found: ReportAnswer, row: tuple[str | int, ...]) -> list[str]:
    return [
        yuan_text(int(cell)) if column.endswith("_fen") else str(cell)
        for column, cell in zip(found.columns, row, strict=True)
    ]

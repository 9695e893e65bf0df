"""`medcredit verify`: the books' invariants on the live system, read from Kafka (domain 15)."""

import asyncio
import sys
from typing import Annotated, Any

import typer

from hub.cli.output import JSON_OPTION, note, show
from hub.policies import load_policies
from hub.runtime.settings import Settings, read_settings
from streams.lanes.domain_rules import DomainRules
from streams.verify import verify as check


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("verify")(verify)


def verify(
    *,
    deep: Annotated[bool, typer.Option("--deep", help="Fold the ledger and compare it with the state.")] = False,
    json_output: Annotated[bool, JSON_OPTION] = False,
) -> None:
    """Exit 1 when an invariant is broken, and name what breaks it. Example: medcredit verify --deep."""
    document = asyncio.run(verify_document(read_settings(), deep=deep))
    if json_output:
        show(document)
    else:
        _say(document)
    sys.exit(0 if document["ok"] else 1)


async def verify_document(settings: Settings, *, deep: bool = True) -> dict[str, Any]:
    """Return the verification of every partition as its JSON document."""
    return (await check(settings.kafka, settings.topics, DomainRules(load_policies()), deep=deep)).document()


def _say(document: dict[str, Any]) -> None:
    for line in document["checks"]:
        note(f"{line['number']:>2} {line['name']:<50} {line['checked']:>10,} checked   {line['state']}")
        for fault in line["faults"]:
            note(f"     {fault}")
    note(f"{document['commands']:,} commands, {document['ledger_records']:,} ledger records")

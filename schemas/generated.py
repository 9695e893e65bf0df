"""The generated files of the vocabulary: one JSON Schema a topic record, and the AsyncAPI document of all topics."""

import json
from pathlib import Path
from typing import Any

import msgspec
import yaml

from schemas.commands import Command
from schemas.dead_letters import DeadLetter
from schemas.errands import Errand
from schemas.facts import Facts
from schemas.ledger import LedgerRecord
from schemas.replies import Reply

FOLDER = Path(__file__).parent
RECORDS: dict[str, Any] = {
    "commands": Command,
    "ledger": LedgerRecord,
    "errands": Errand,
    "facts": Facts,
    "dead-letters": DeadLetter,
    "replies": Reply,
}
"""Topic entity to the type of its values; `accounts` holds MessagePack and is no outside contract."""


def generated_files() -> dict[Path, str]:
    """Return every generated file with its text; the same code gives the same bytes."""
    files = {FOLDER / "json" / f"{name}.v1.json": _json_schema(record) for name, record in RECORDS.items()}
    files[FOLDER / "asyncapi.yaml"] = _asyncapi()
    return files


def _json_schema(record: Any) -> str:
    return json.dumps(msgspec.json.schema(record), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _asyncapi() -> str:
    channels, operations = {}, {}
    for name in RECORDS:
        address = f"medcredit.{name}.v1"
        channels[name] = {
            "address": address,
            "messages": {name: {"contentType": "application/json", "payload": {"$ref": f"json/{name}.v1.json"}}},
        }
        operations[f"receive-{name}"] = {"action": "receive", "channel": {"$ref": f"#/channels/{name}"}}
    document = {
        "asyncapi": "3.0.0",
        "info": {"title": "medcredit topics", "version": "1"},
        "channels": channels,
        "operations": operations,
    }
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)

"""Every document the verbs print under --json, and its JSON Schema: a verb's answer is a contract like a topic's."""

import json
from pathlib import Path
from typing import Any, Final

import msgspec

from hub.cli.callbacks import CasesAnswer, ForgedAnswer, SentAnswer, VerifiedAnswer
from hub.cli.demo import DemoDocument
from hub.cli.desk_answers import DropAnswer, ParkAnswer, ReplayAnswer, ShownLetter
from hub.cli.doctor_checks import DoctorAnswer
from hub.cli.find import FindAnswer
from hub.cli.hl7_answers import AckAnswer, LintAnswer, SendAnswer, SourceAnswer
from hub.cli.migrate import Applied, MigrationLine, RebuiltBooks
from hub.cli.output import Problem
from hub.cli.policy_answers import LintedPacks, PackList, PacksDiffer, PackShown, WhatIfAnswer
from hub.cli.simulate import SimulateDocument
from hub.cli.tail_lines import TailLine
from hub.cli.topics import CreatedAnswer, LagAnswer, TopicsAnswer
from hub.cli.verify import VerifyDocument
from hub.web.answers import BillAnswer, ChargeAnswer, DeadLetterCount, DeadLetterSummary, Page
from hub.web.clearing_answers import ReconciliationAnswer, ReportAnswer, ReportName
from schemas.commands import Struct
from schemas.generated import FOLDER


class SchemaCheck(Struct, frozen=True, omit_defaults=False):
    """`schema check` and `write`: how many generated files there are, and which are out of date."""

    ok: bool
    files: int
    stale: tuple[str, ...]


DOCUMENTS: Final[dict[str, Any]] = {
    "problem": Problem,
    "demo": DemoDocument,
    "doctor": DoctorAnswer,
    "migrate-status": list[MigrationLine],
    "migrate-plan": list[MigrationLine],
    "migrate-up": Applied,
    "migrate-rebuild": RebuiltBooks,
    "topics-list": TopicsAnswer,
    "topics-show": TopicsAnswer,
    "topics-check": TopicsAnswer,
    "topics-create": CreatedAnswer,
    "topics-lag": LagAnswer,
    "tail": TailLine,
    "find": FindAnswer,
    "explain-charge": ChargeAnswer,
    "explain-line": ChargeAnswer,
    "explain-bill": BillAnswer,
    "explain-debit": BillAnswer,
    "dlq-list": Page[DeadLetterSummary],
    "dlq-stats": Page[DeadLetterCount],
    "dlq-show": ShownLetter,
    "dlq-replay": ReplayAnswer,
    "dlq-drop": DropAnswer,
    "dlq-park": ParkAnswer,
    "hl7-lint": LintAnswer,
    "hl7-send": SendAnswer,
    "hl7-ack": AckAnswer,
    "hl7-source-add": SourceAnswer,
    "simulate-city": SimulateDocument,
    "policy-list": PackList,
    "policy-show": PackShown,
    "policy-lint": LintedPacks,
    "policy-diff": PacksDiffer,
    "policy-whatif": WhatIfAnswer,
    "verify": VerifyDocument,
    "reconcile": ReconciliationAnswer,
    "report-list": Page[ReportName],
    "report-make": ReportAnswer,
    "callback-cases": CasesAnswer,
    "callback-forge": ForgedAnswer,
    "callback-send": SentAnswer,
    "callback-verify": VerifiedAnswer,
    "schema-check": SchemaCheck,
    "schema-write": SchemaCheck,
}
"""Verb to the type of its document; `problem` is what each prints when it fails, `tail` one line of its stream."""


def schema_files() -> dict[Path, str]:
    """Return every schema with its text; the same code gives the same bytes."""
    return {FOLDER / "json" / f"cli-{verb}.json": _schema(document) for verb, document in DOCUMENTS.items()}


def _schema(document: Any) -> str:
    return json.dumps(msgspec.json.schema(document), indent=1, ensure_ascii=False, sort_keys=True) + "\n"

"""`medcredit verify`: the books' invariants on the live system, read from Kafka (domain 15)."""

import asyncio
import sys
from typing import Annotated, Final, TypedDict

import msgspec
import typer
from aiokafka.errors import KafkaError

from hub.cli.output import language, note, say, show, speaks_json, state_word
from hub.cli.verbs import verb
from hub.cli.words import told
from hub.policies import load_policies
from hub.runtime.settings import Settings, read_settings
from schemas.errors import TransportError
from schemas.reasons import Reason
from streams.invariants import NAMES
from streams.lanes.domain_rules import DomainRules
from streams.verify import verify as check

_CHAIN = 0
"""The evidence chain, which is checked before the invariants of domain 15."""
_TEXT: Final = {
    "en": (
        "{checked:,} checked",
        "{commands:,} commands, {dead_letters:,} of them no lane could read, {ledger_records:,} ledger records",
    ),
    "zh": (
        "已查 {checked:,}",
        "命令 {commands:,} 条，其中无法读取 {dead_letters:,} 条；账簿记录 {ledger_records:,} 条",
    ),
}
_ZH: Final = {
    _CHAIN: "证据链完整",
    1: "借方等于贷方",
    2: "各部分之和等于费用",
    3: "已用与冻结不超过额度",
    4: "余额不为负，且与分录一致",
    5: "一张账单同时只有一笔代扣，每笔付款只计一次",
    6: "退款不超过已付",
    7: "息费不超上限，免息期内为零",
    8: "T+1 批次等于当日信用减退款",
    9: "重放账簿得到现有状态",
    10: "每条命令恰有一个结果",
    11: "受限、暂停或未授权者不得使用信用",
}
"""The invariants' names in Chinese, by their number in domain 15; 0 is the chain of hashes."""


class VerifyCheck(TypedDict):
    """One invariant: OK, FAIL or SKIP, how many things were looked at, and the first twenty faults in words."""

    number: int
    name: str
    state: str
    checked: int
    faulty: int
    faults: list[str]


class VerifiedPartition(TypedDict):
    """One partition, looked at up to one offset of its commands."""

    partition: int
    offset: int
    records: int
    chain_head: str


class VerifyDocument(TypedDict):
    """`verify --json`; `ok` is false when an invariant is broken."""

    ok: bool
    deep: bool
    checks: list[VerifyCheck]
    commands: int
    ledger_records: int
    dead_letters: int
    partitions: list[VerifiedPartition]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    verb(app, "verify")(verify)


def verify(
    *,
    only: Annotated[str, typer.Option(help="Numbers of invariants as 1,3; else all.")] = "",
    deep: Annotated[bool, typer.Option("--deep", help="Fold the ledger and compare it with the state.")] = False,
) -> None:
    """Exit 1 when an invariant is broken, and name what breaks it. Example: medcredit verify --deep."""
    wanted = _numbers(only)
    note(told("reading_books"))
    document = asyncio.run(verify_document(read_settings(), deep=deep))
    if wanted:
        checks = [each for each in document["checks"] if each["number"] in wanted]
        document = {**document, "checks": checks, "ok": all(each["state"] != "FAIL" for each in checks)}
    _say(document)
    if speaks_json():
        show(document)
    sys.exit(0 if document["ok"] else 1)


def _numbers(text: str) -> frozenset[int]:
    """Return the invariants a call names; none for no text."""
    known = {str(number): number for number in (_CHAIN, *NAMES)}
    names = [each.strip() for each in text.split(",")] if text else []
    unknown = [each for each in names if each not in known]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} is no number of an invariant: {', '.join(known)}")
    return frozenset(known[each] for each in names)


async def verify_document(settings: Settings, *, deep: bool = True) -> VerifyDocument:
    """Return the verification of every partition as its JSON document; raises TransportError without a broker."""
    policies = load_policies(settings.packs_dir)
    try:
        found = await check(
            settings.kafka,
            settings.topics,
            DomainRules(policies),
            deep=deep,
            institution_funded=policies.institution_funded,
        )
    except (KafkaError, OSError) as error:
        kafka = {"dependency": f"Kafka at {settings.kafka.bootstrap}"}
        raise TransportError(Reason.DEPENDENCY_UNREACHABLE, kafka) from error
    return msgspec.convert(found.document(), VerifyDocument)


def _say(document: VerifyDocument) -> None:
    checked, counts = _TEXT[language()]
    for line in document["checks"]:
        name = _ZH[line["number"]] if language() == "zh" else line["name"]
        say(f"{state_word(line['state'])} {line['number']:>2} {name} · {checked.format(**line)}")
        for fault in line["faults"]:
            say(f"         {fault}")
    say(counts.format(**document))

"""One record of any topic as one line: what it is, who sent it, what it moves.

Masked by construction: only ids, codes, institutions and sums go into a line.
"""

from typing import Any, Final

import msgspec

from hub.cli.texts import letter_short
from schemas.commands import Command, PostCharge, ReceiveFeedMessage, ReceiveNotice, RecordGatewayResult, Struct
from schemas.dead_letters import DeadLetter
from schemas.errands import Errand, FeedbackErrand, RelayErrand
from schemas.events import SOURCES
from schemas.facts import Facts
from schemas.ids import short
from schemas.ledger import ChargeView, CommandSource, DebitView, LedgerRecord
from schemas.money import yuan_text
from schemas.replies import Reply

STAGES: Final = {
    "hl7": "commands",
    "fhir": "commands",
    "api": "commands",
    "alipay": "commands",
    "unionpay": "commands",
    "score": "commands",
    "courier": "commands",
    "relay": "commands",
    "reinjection": "commands",
    "decision": "ledger",
    "timer": "ledger",
    "errand": "errands",
    "letter": "dead_letters",
}
"""What a message may be on its way, and the topic it is read from."""


class TailLine(Struct, frozen=True, omit_defaults=False):
    """One message. `at` is city time where the record has it, else when the broker took it; amounts are fen."""

    at: int
    stage: str
    topic: str
    partition: int
    offset: int
    code: str = ""
    """Type of the command, outcome of the record, kind of the errand, reason of the letter."""
    reason: str = ""
    source: str = ""
    account: str = ""
    id: str = ""
    amount_fen: int | None = None
    text: str = ""

    @property
    def short(self) -> str:
        """The thing's short id, else the account's."""
        if self.stage == "letter":
            return letter_short(self.id)
        return short(self.account) if self.account else ""


def decoded(entity: str, record: Any) -> TailLine:
    """Return the line of one Kafka record; bytes that cannot be decoded are a line that says so."""
    place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
    read = _READERS.get(entity, _other)
    try:
        return read(record.value or b"", record.timestamp, place)
    except msgspec.DecodeError:
        text = f"{len(record.value or b'')} bytes that are no record of this topic"
        return TailLine(record.timestamp, "unreadable", **place, code="UNDECODABLE", text=text)


def _command(value: bytes, _stamp: int, place: dict[str, Any]) -> TailLine:
    command = msgspec.json.decode(value, type=Command)
    stage = "hl7" if command.interface == "mllp" else command.interface
    amount, text = _content(command)
    return TailLine(
        command.accepted_at, stage, **place, code=_tag(command.body), source=command.source, account=command.account,
        id=command.id, amount_fen=amount, text=text,
    )  # fmt: skip


def _content(command: Command) -> tuple[int | None, str]:
    body = command.body
    if isinstance(body, PostCharge):
        net = sum(line.amount_fen * (-1 if line.kind == "credit" else 1) for line in body.lines if line.kind != "memo")
        return net, f"{len(body.lines)} lines · {yuan_text(net)} · {body.institution} {body.visit}"
    if isinstance(body, ReceiveFeedMessage):
        return None, f"{body.stream} {body.sequence}"
    if isinstance(body, ReceiveNotice | RecordGatewayResult):
        said = "" if body.amount_fen is None else f" {yuan_text(body.amount_fen)}"
        return body.amount_fen, f"{short(body.order_no)} {body.status}{said}"
    amount = getattr(body, "amount_fen", None)
    text = " ".join(str(part) for part in (getattr(body, "event", ""), getattr(body, "institution", "")) if part)
    return amount, f"{text} {yuan_text(amount)}".strip() if amount is not None else text


def _ledger(value: bytes, _stamp: int, place: dict[str, Any]) -> TailLine:
    record = msgspec.json.decode(value, type=LedgerRecord)
    stage = "decision" if isinstance(record.source, CommandSource) else "timer"
    amount, text = _outcome(record)
    return TailLine(
        record.now, stage, **place, code=record.outcome, reason=record.reason, source=record.sender,
        account=record.account, id=record.reference or record.command_id, amount_fen=amount, text=text,
    )  # fmt: skip


def _outcome(record: LedgerRecord) -> tuple[int | None, str]:
    what = record.reason or ("" if isinstance(record.source, CommandSource) else record.source.kind)
    for view in record.after:
        if isinstance(view, ChargeView):
            split = [(name, getattr(view.allocation, f"{name}_fen")) for name in SOURCES]
            parts = " + ".join(f"{name} {yuan_text(fen)}" for name, fen in split if fen)
            said = f"{short(view.charge)} {yuan_text(view.total_fen)}{f' = {parts}' if parts else ''} · {record.pack}"
            return view.total_fen, f"{what} {said}".strip()
        if isinstance(view, DebitView):
            said = f"{short(view.order_no)} {view.state} {yuan_text(view.amount_fen)} {view.channel} {view.cause}"
            return view.amount_fen, f"{what} {said}".strip()
    moved = sum(posting.amount_fen for posting in record.journal)
    return moved or None, f"{what} {yuan_text(moved) if moved else ''}".strip()


def _errand(value: bytes, stamp: int, place: dict[str, Any]) -> TailLine:
    errand = msgspec.json.decode(value, type=Errand)
    known = {"code": _tag(errand), "account": errand.account, "id": errand.id}
    if isinstance(errand, RelayErrand):
        text = f"to {short(errand.command.account)} {_tag(errand.command.body)}"
        return TailLine(stamp, "errand", **place, **known, text=text)
    if isinstance(errand, FeedbackErrand):
        return TailLine(stamp, "errand", **place, **known, text=f"to {errand.source} {errand.kind}")
    text = f"{short(errand.order_no)} {yuan_text(errand.amount_fen)} {errand.channel}"
    return TailLine(stamp, "errand", **place, **known, amount_fen=errand.amount_fen, text=text)


def _letter(value: bytes, _stamp: int, place: dict[str, Any]) -> TailLine:
    letter = msgspec.json.decode(value, type=DeadLetter)
    text = " ".join(
        part for part in (letter.interface, letter.position, f"answered {letter.reply_sent or '–'}") if part
    )
    return TailLine(
        letter.at, "letter", **place, code=letter.reason, reason=letter.reason, source=letter.source,
        account=letter.account, id=letter.id, text=text,
    )  # fmt: skip


def _facts(value: bytes, _stamp: int, place: dict[str, Any]) -> TailLine:
    facts = msgspec.json.decode(value, type=Facts)
    charged = sum(fact.charged_fen for fact in facts.facts)
    return TailLine(
        facts.now, "facts", **place, amount_fen=charged, text=f"{len(facts.facts)} rows · charged {yuan_text(charged)}"
    )


def _reply(value: bytes, _stamp: int, place: dict[str, Any]) -> TailLine:
    reply = msgspec.json.decode(value, type=Reply)
    return TailLine(reply.at, "reply", **place, code=reply.code, account=reply.account, id=reply.command_id)


def _other(value: bytes, stamp: int, place: dict[str, Any]) -> TailLine:
    return TailLine(stamp, "row", **place, text=f"{len(value)} bytes")


def _tag(struct: Any) -> str:
    return str(type(struct).__struct_config__.tag)


_READERS: Final = {
    "commands": _command,
    "ledger": _ledger,
    "errands": _errand,
    "dead-letters": _letter,
    "facts": _facts,
    "replies": _reply,
}

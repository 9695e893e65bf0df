"""One ledger record or dead letter as rows of the books: pure, and a copy of what the record says.

A row is a tuple in the order of `COLUMNS`. PostgreSQL cannot keep the character NUL: in the columns it stands as
U+FFFD, while `ledger.record` keeps the bytes as they came.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import astuple

from schemas.dead_letters import DeadLetter
from schemas.events import Allocation, ChargePosted, ChargeReduced, LinesHeld, PostedLine
from schemas.ids import sm3_hex
from schemas.ledger import (
    BillView,
    ChargeView,
    CommandSource,
    DebitView,
    LedgerRecord,
    PersonView,
    TimerSource,
    View,
)
from streams.projection import standing_rows
from streams.projection.stamps import STAMP, stamp

Row = tuple[Any, ...]
Rows = dict[str, list[Row]]
"""Rows by table."""

_SPLIT: Final = Allocation.__struct_fields__
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "ledger": (
        *("partition", "position", "account", "seq", "at", "wall_at", "source", "source_offset", "due_at", "outcome"),
        *("reason", "interface", "sender", "command_id", "reference", "institution", "pack", "duplicate_of"),
        *("reinjects", "hash", "record"),
    ),
    "journal": (
        *("partition", "position", "entry", "at", "account", "seq", "institution", "debit", "credit", "amount_fen"),
    ),
    "charges": (
        *("charge", *STAMP, "visit", "institution", "scene", "department", "event_at", "pack"),
        *("status", "bill", "total_fen", *_SPLIT, *(f"returned_{name}" for name in _SPLIT)),
    ),
    "charge_lines": (
        *("account", "seq", "line", "at", "charge", "institution", "line_key", "kind", "amount_fen", "item_code"),
        *("item_system", "item_name", "content_hash", "service_at", "quantity", "unit_price", "department"),
        *("order_no", "reverses"),
    ),
    "bills": (
        *("bill", *STAMP, "visit", "institution", "agreement", "pack", "state", "amount_fen"),
        *("paid_fen", "revision", "closed_at", "debit_at", "due_at", "overdue", "frozen", "supplementary", "channel"),
        *("fee_fen", "fee_paid_fen"),
    ),
    "debits": (
        *("order_no", "attempt", *STAMP, "bill", "channel", "amount_fen", "state", "cause"),
        *("gateway_code", "trade_no", "started_at", "next_at"),
    ),
    "persons": (
        *("account", "seq", "at", "kind", "name_masked", "id_masked", "status", "insurance_fen", "prepayments"),
        *("refundable_fen", "agreement", "pack", "bank", "channel", "limit_fen", "used_fen", "held_fen"),
        *("linked_person", "family"),
    ),
    "dead_letters": (
        *("id", "at", "wall_at", "interface", "wire", "source", "institution", "reason", "detail", "parameters"),
        *("position", "receipt_key", "raw_sealed", "raw_length", "raw_sm3", "account", "command_id"),
    ),
    "dead_letter_arrivals": ("partition", "position", "id", "at", "wall_at", "reply_sent"),
    **standing_rows.COLUMNS,
}

_RECORDS: Final = msgspec.json.Decoder(LedgerRecord)
_LETTERS: Final = msgspec.json.Decoder(DeadLetter)
KEY_CHARACTERS: Final = 300
"""A B-tree of PostgreSQL refuses entries above 2,704 bytes, and a sender's key must not stop the books."""
_ESCAPED_NUL: Final = b"\\u0000"


def new_rows() -> Rows:
    """Return no rows of any table."""
    return {table: [] for table in COLUMNS}


def add_ledger_record(rows: Rows, partition: int, position: int, value: bytes) -> LedgerRecord:
    """Add the rows of one ledger record, found at this place of Kafka; return the record.

    Raises `msgspec.DecodeError` (`ValidationError` is one) when the bytes are no ledger record.
    """
    record = _RECORDS.decode(_without_nul(value))
    institution = _institution(record)
    rows["ledger"].append(_ledger_row(record, partition, position, institution, value.decode()))
    account, seq, at = record.account, record.seq, record.now
    for entry, posting in enumerate(record.journal):
        row = (partition, position, entry, at, account, seq, institution)
        rows["journal"].append((*row, posting.debit, posting.credit, posting.amount_fen))
    for view in record.after:
        _add_view(rows, record, view)
    _add_lines(rows["charge_lines"], record)
    standing_rows.add_notices(rows, record)
    return record


def add_dead_letter(rows: Rows, partition: int, position: int, value: bytes) -> DeadLetter:
    """Add the rows of one dead letter; return it. Raises `msgspec.DecodeError` when the bytes are none."""
    letter = _LETTERS.decode(_without_nul(value))
    arrival = (partition, position, letter.id, letter.at, letter.wall_at, letter.reply_sent)
    rows["dead_letter_arrivals"].append(arrival)
    rows["dead_letters"].append(
        (
            *(letter.id, letter.at, letter.wall_at, letter.interface, letter.wire or letter.interface, letter.source),
            *(letter.source.partition("@")[2], letter.reason, letter.detail, _json(letter.parameters)),
            *(letter.position, letter.receipt_key, letter.raw_sealed, letter.raw_length, letter.raw_sm3),
            *(letter.account, letter.command_id),
        )
    )
    return letter


def _without_nul(value: bytes) -> bytes:
    """Replace NUL by U+FFFD; an escaped backslash before `u0000` is told apart by decoding once and encoding again."""
    if _ESCAPED_NUL not in value:
        return value
    return msgspec.json.encode(_replaced(msgspec.json.decode(value)))


def _replaced(content: Any) -> Any:
    if isinstance(content, str):
        return content.replace("\0", "\ufffd")
    if isinstance(content, list):
        return [_replaced(each) for each in content]
    if isinstance(content, dict):
        return {_replaced(key): _replaced(each) for key, each in content.items()}
    return content


def key_column(key: str) -> str:
    """Return a sender's key as an index can hold it: a very long one is cut and told apart by its SM3."""
    return key if len(key) <= KEY_CHARACTERS else f"{key[:64]}#{sm3_hex(key.encode())}"


def _json(content: object) -> str:
    return msgspec.json.encode(content).decode()


def _institution(record: LedgerRecord) -> str:
    """Return the institution the record concerns, empty when none: whose staff may read it."""
    for source in (record.after, record.events):
        for each in source:
            found: str = getattr(each, "institution", "")
            if found:
                return found
    return ""


def _ledger_row(record: LedgerRecord, partition: int, position: int, institution: str, text: str) -> Row:
    source = record.source
    came: Row = (source.kind, None, source.due_at) if isinstance(source, TimerSource) else _commanded(source)
    return (
        *(partition, position, record.account, record.seq, record.now, record.wall_now, *came, record.outcome),
        *(record.reason, record.interface, record.sender, key_column(record.command_id)),
        *(key_column(record.reference), institution),
        *(record.pack, record.duplicate_of, record.reinjects, record.hash, text),
    )


def _commanded(source: CommandSource) -> Row:
    return ("command", source.offset, None)


def _add_view(rows: Rows, record: LedgerRecord, view: View) -> None:
    match view:
        case PersonView():
            rows["persons"].append(_person_row(view, record.seq, record.now))
        case ChargeView():
            rows["charges"].append(_charge_row(view, stamp(record)))
        case BillView():
            rows["bills"].append(_bill_row(view, stamp(record)))
        case DebitView():
            rows["debits"].append(_debit_row(view, stamp(record)))
        case _:
            standing_rows.add_standing_view(rows, record, view)


def _person_row(view: PersonView, seq: int, at: int) -> Row:
    return (
        *(view.account, seq, at, view.kind, view.name_masked, view.id_masked, view.status, view.insurance_fen),
        *(_json(view.prepayments), view.refundable_fen, view.agreement, view.pack, view.bank, view.channel),
        *(view.limit_fen, view.used_fen, view.held_fen, view.linked_person),
        _json(view.family) if view.family is not None else None,
    )


def _charge_row(view: ChargeView, stamped: Row) -> Row:
    return (
        *(view.charge, *stamped, key_column(view.visit), view.institution, view.scene, view.department, view.event_at),
        *(view.pack, view.status, view.bill, view.total_fen, *astuple(view.allocation), *astuple(view.returned)),
    )


def _bill_row(view: BillView, stamped: Row) -> Row:
    return (
        *(view.bill, *stamped, key_column(view.visit), view.institution, view.agreement, view.pack, view.state),
        *(view.amount_fen, view.paid_fen, view.revision, view.closed_at, view.debit_at, view.due_at, view.overdue),
        *(view.frozen, view.supplementary, view.channel, view.fee_fen, view.fee_paid_fen),
    )


def _debit_row(view: DebitView, stamped: Row) -> Row:
    return (
        *(view.order_no, view.attempt, *stamped, view.bill, view.channel, view.amount_fen, view.state),
        *(view.cause, view.gateway_code, view.trade_no, view.started_at, view.next_at),
    )


def _add_lines(rows: list[Row], record: LedgerRecord) -> None:
    """Add the lines a record booked: those of its new charges, then the credit lines that reduced charges."""
    booked: list[tuple[str, str, Sequence[PostedLine]]] = [
        (event.charge, event.institution, event.lines)
        for event in record.events
        if isinstance(event, ChargePosted | LinesHeld | ChargeReduced)
    ]
    number = 0
    for charge, institution, lines in booked:
        for line in lines:
            number += 1
            rows.append(
                (
                    *(record.account, record.seq, number, record.now, charge, institution),
                    *(key_column(line.line_key), line.kind),
                    *(line.amount_fen, line.item.code, line.item.system, line.item.name, line.content),
                    *(line.service_at, line.quantity, line.unit_price, line.department, line.order_no, line.reverses),
                )
            )

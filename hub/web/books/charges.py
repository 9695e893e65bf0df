"""A charge with the full explanation of its split: from the record that decided it, never computed anew."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from hub.web.answers import Bar, ChargeAnswer, ChargeSummary, Decision, Happening, LineAnswer, Page, Split, StepAnswer
from hub.web.books.reading import Row, Slice, not_found, page_of, text_of
from schemas.events import Allocation, ChargePosted, ChargeReduced, InsuranceSettled, LinesHeld
from schemas.ids import short
from schemas.ledger import LedgerRecord, PersonView, Step

_PARTS: Final = Allocation.__struct_fields__
_STEP_OF: Final = {"account": "insurance", "prepayment": "prepayment", "credit": "credit", "self_pay": "self_pay"}
_decode = msgspec.json.Decoder(LedgerRecord).decode

SUMMARY: Final = """
SELECT charge, account, institution, department, visit, scene, event_at, status, bill, total_fen,
       credit_fen - returned_credit_fen AS credit_fen,
       returned_fund_fen + returned_account_fen + returned_other_fen + returned_prepayment_fen
       + returned_credit_fen + returned_self_pay_fen AS returned_fen
FROM charges
"""
_ORDER = " ORDER BY event_at DESC, charge DESC LIMIT "


async def charge(connection: Any, identifier: str) -> ChargeAnswer:
    """Return a charge; raises RefusedError NOT_FOUND."""
    row = await connection.fetchrow("SELECT * FROM charges WHERE charge = $1", identifier)
    if row is None:
        raise not_found()
    lines = await connection.fetch("SELECT * FROM charge_lines WHERE charge = $1 ORDER BY seq, line", identifier)
    records = await _records(connection, row["account"], identifier)
    return _answer(row, lines, records)


async def decision(connection: Any, identifier: str) -> Decision:
    """Return why a charge was split as it was; raises RefusedError NOT_FOUND, also while its lines are only held."""
    answer = await charge(connection, identifier)
    if answer.decision is None:
        raise not_found()
    return answer.decision


async def summaries(connection: Any, column: str, value: str, asked: Slice) -> Page[ChargeSummary]:
    """Return the charges whose `column` (account, institution, visit or bill) has this value, newest first."""
    if column not in ("account", "institution", "visit", "bill"):
        raise ValueError(column)
    return await _page(connection, f"{SUMMARY} WHERE {column} = $1", [value], asked)


async def latest(connection: Any, asked: Slice) -> Page[ChargeSummary]:
    """Return all charges the caller may see, newest first."""
    return await _page(connection, f"{SUMMARY} WHERE true", [], asked)


async def _page(connection: Any, sql: str, arguments: list[Any], asked: Slice) -> Page[ChargeSummary]:
    if asked.after is not None:
        sql += f" AND (event_at, charge) < (${len(arguments) + 1}, ${len(arguments) + 2})"
        arguments += asked.after
    rows = await connection.fetch(f"{sql}{_ORDER}${len(arguments) + 1}", *arguments, asked.limit + 1)
    return page_of(rows, [summary(row) for row in rows], asked, "event_at", "charge")


def summary(row: Row) -> ChargeSummary:
    """Return a row of SUMMARY as it stands in a list."""
    return ChargeSummary(short=short(row["charge"]), **row)


async def _records(connection: Any, account: str, identifier: str) -> list[tuple[Row, LedgerRecord]]:
    """Return the ledger records of the account that mention the charge, oldest first."""
    rows = await connection.fetch(
        "SELECT partition, position, record FROM ledger"
        " WHERE account = $1 AND strpos(record::text, $2) > 0 ORDER BY seq",
        account,
        identifier,
    )
    return [(row, _decode(row["record"])) for row in rows]


def _answer(row: Row, lines: Sequence[Row], records: Sequence[tuple[Row, LedgerRecord]]) -> ChargeAnswer:
    allocated = Allocation(*(row[name] for name in _PARTS))
    returned = Allocation(*(row[f"returned_{name}"] for name in _PARTS))
    standing = Allocation(*(row[name] - row[f"returned_{name}"] for name in _PARTS))
    same = ("charge", "account", "institution", "department", "visit", "scene", "event_at", "pack", "status", "bill")
    return ChargeAnswer(
        **{name: row[name] for name in same},
        short=short(row["charge"]),
        allocated=split_of(allocated),
        returned=split_of(returned),
        standing=split_of(standing),
        lines=tuple(_line(line) for line in lines),
        decision=_decision(row["charge"], records),
        history=tuple(_happening(row["charge"], record) for _, record in records),
    )


def split_of(parts: Allocation) -> Split:
    """Return an allocation with its total."""
    return Split(parts.total_fen(), *(getattr(parts, name) for name in _PARTS))


def bars_of(parts: Allocation, steps: Sequence[Step]) -> tuple[Bar, ...]:
    """Return the waterfall: what the insurer settled, then one bar a step, each beginning where the last ended.

    The amounts sum to the total of `parts`. Fund and other schemes get a bar only when they paid; a source of the
    deduction order always has one, so that a 0 is seen with its reason.
    """
    order: dict[str, int] = {step.name: place for place, step in enumerate(steps)}
    bars: list[Bar] = []
    reached = 0
    for name in ("fund", "other", "account", "prepayment", "credit", "self_pay"):
        amount = getattr(parts, f"{name}_fen")
        if amount or name in _STEP_OF:
            bars.append(Bar(name, reached, amount, order.get(_STEP_OF.get(name, ""), -1)))
            reached += amount
    return tuple(bars)


def _decision(identifier: str, records: Sequence[tuple[Row, LedgerRecord]]) -> Decision | None:
    for row, record in records:
        for event in record.events:
            if isinstance(event, ChargePosted) and event.charge == identifier:
                return _decided(row, record, event.allocation)
    return None


def _decided(row: Row, record: LedgerRecord, parts: Allocation) -> Decision:
    person = next((view for view in record.after if isinstance(view, PersonView)), None)
    return Decision(
        partition=row["partition"],
        position=row["position"],
        seq=record.seq,
        at=record.now,
        wall_at=record.wall_now,
        outcome=record.outcome,
        interface=record.interface,
        sender=record.sender,
        pack=record.pack,
        pack_hash=record.pack_hash,
        hash=record.hash,
        split=split_of(parts),
        bars=bars_of(parts, record.explanation),
        steps=_steps(parts, record.explanation),
        limit_fen=person.limit_fen if person else None,
        used_fen=person.used_fen if person else None,
    )


def _steps(parts: Allocation, steps: Sequence[Step]) -> tuple[StepAnswer, ...]:
    """Return the steps, each with what was still to pay after it: the rest that the later steps took."""
    rest = parts.total_fen() - parts.fund_fen - parts.other_fen
    answers = []
    for step in steps:
        rest -= step.taken_fen
        answers.append(_step(step, rest))
    return tuple(answers)


def _step(step: Step, rest_fen: int) -> StepAnswer:
    return StepAnswer(
        name=step.name,
        available_fen=step.available_fen,
        taken_fen=step.taken_fen,
        rest_fen=rest_fen,
        reason=text_of(step.reason, step.parameters) if step.reason else None,
        clause=step.clause,
        source=step.source,
        score=step.score,
    )


def _line(row: Row) -> LineAnswer:
    return LineAnswer(**{name: row[name] for name in LineAnswer.__struct_fields__})


def _happening(identifier: str, record: LedgerRecord) -> Happening:
    amount = 0
    for event in record.events:
        if isinstance(event, ChargePosted | LinesHeld) and event.charge == identifier:
            amount += event.total_fen
        elif isinstance(event, ChargeReduced) and event.charge == identifier:
            amount -= event.amount_fen
    names = tuple(
        str(event.__struct_config__.tag)
        for event in record.events
        if getattr(event, "charge", identifier) == identifier or isinstance(event, InsuranceSettled)
    )
    return Happening(record.seq, record.now, record.outcome, record.interface, names, amount)

"""`medcredit explain`: why a charge was split and what a bill waits for, from the ledger record that decided it.

Nothing is computed again: amounts, reasons and clauses are those the record holds.
"""

from enum import StrEnum
from typing import Annotated

import typer

from hub.cli.hub_api import TOKEN, URL, HubApi, not_found, quoted
from hub.cli.layout import in_columns, padded, width_of
from hub.cli.output import VerbError, answer, language, say
from hub.cli.texts import amount, moment, yuan
from hub.cli.verbs import verb
from hub.cli.words import told, word
from hub.web.answers import (
    BillAnswer,
    ChargeAnswer,
    DebitAnswer,
    Decision,
    Found,
    Mark,
    Page,
    Split,
    StepAnswer,
    Text,
)
from schemas.events import SOURCES
from schemas.ids import ID_LENGTH, account_of, short


class Thing(StrEnum):
    """What can be explained; a line leads to its charge, a debit to its bill."""

    CHARGE = "charge"
    BILL = "bill"
    LINE = "line"
    DEBIT = "debit"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    verb(app, "explain")(explain)


def explain(
    thing: Annotated[Thing, typer.Argument(help="charge, bill, line (FT1-2) or debit (order number)")],
    key: Annotated[str, typer.Argument(help="The id, in full or short; for a line its key.")],
    url: URL = "",
    token: TOKEN = "",
) -> None:
    """Say why: each step with the clause of the pack. Example: medcredit explain charge C-8W2DK5RM."""
    api = HubApi(url, token)
    identifier = identified(api, thing, key)
    if thing in (Thing.CHARGE, Thing.LINE):
        _say_charge(charge := api.get(f"/charges/{identifier}", ChargeAnswer))
        answer(charge)
    else:
        _say_bill(bill := api.get(f"/bills/{identifier}", BillAnswer))
        answer(bill)


def identified(api: HubApi, thing: str, key: str) -> str:
    """Return the full id of a thing; raises VerbError when the key finds none (4) or several (2)."""
    if thing in ("charge", "bill") and len(key) == ID_LENGTH and account_of(key):
        return key
    found = [each for each in api.get(f"/find/{quoted(key)}", Page[Found]).items if each.kind == thing]
    if not found:
        raise not_found(key)
    if len(found) > 1:
        several = ", ".join(each.id for each in found)
        raise VerbError("KEY_AMBIGUOUS", f"{key} is {several}.", exit_code=2, do="Give the full id.")
    return found[0].id


def _say_charge(charge: ChargeAnswer) -> None:
    decision, at = charge.decision, moment(charge.event_at, seconds=False)
    total = yuan(charge.allocated.total_fen)
    say(f"{charge.short} {total} {charge.institution} {word(charge.scene)} {at}")
    say(f"  {charge.charge}")
    if decision is None:
        say(f"  {word(charge.status)} · {told('not_split')}")
        return
    say(f"  {told('at_ledger', partition=decision.partition, position=decision.position)}")
    names = max(width_of(word(step.name)) for step in decision.steps)
    for number, step in enumerate(decision.steps, start=1):
        _say_step(number, step, names)
    _say_sum(decision)
    if charge.returned.total_fen:
        say(f"  {told('taken_back', back=_parts(charge.returned), now=_parts(charge.standing))}")
    for line in charge.lines:
        kind = "" if line.kind == "charge" else f"{word('reversed')} "
        item = f"{line.item_code} {line.item_name}"
        say(f"  {told('line', key=line.line_key, amount=kind + amount(line.amount_fen), item=item)}")


def _say_step(number: int, step: StepAnswer, names: int) -> None:
    had, took, left = (amount(fen) for fen in (step.available_fen, step.taken_fen, step.rest_fen))
    indent = " " * (4 + names)
    say(f"{number} {padded(word(step.name), names)}  {told('step', had=had, took=took, left=left)}")
    if step.reason:
        say(f"{indent}{_text(step.reason)}")
    if step.clause or step.source:
        say(f"{indent}{told('rule', rule='  '.join(part for part in (step.clause, step.source) if part))}")
    if step.score:
        say(f"{indent}{told('score', score=step.score)}")


def _say_sum(decision: Decision) -> None:
    split = decision.split
    parts = [getattr(split, f"{name}_fen") for name in SOURCES]
    said = "OK" if sum(parts) == split.total_fen else "FAIL"
    sums = " + ".join(amount(fen) for fen in parts if fen) or "0.00"
    say(f"  {sums} = {amount(split.total_fen)} {said}")
    if decision.limit_fen is not None:
        used, limit = amount(decision.used_fen or 0), amount(decision.limit_fen)
        say(f"  {told('after', used=used, limit=limit, pack=decision.pack)}")


def _say_bill(bill: BillAnswer) -> None:
    marks = ["overdue"] * bill.overdue + ["frozen"] * bill.frozen + ["supplementary"] * bill.supplementary
    state = " · ".join(word(each) for each in dict.fromkeys((bill.state, *marks)))
    say(f"{bill.short} {yuan(bill.amount_fen)} {bill.institution} {state} · {told('revision', n=bill.revision)}")
    say(f"  {bill.bill}")
    paid, still, channel = amount(bill.paid_fen), amount(bill.open_fen), word(bill.channel) or "–"
    say(f"  {told('paid_open', paid=paid, open=still, pack=bill.pack, channel=channel)}")
    if bill.fee_fen:
        say(f"  {told('fee', fee=amount(bill.fee_fen), paid=amount(bill.fee_paid_fen))}")
    for charge in bill.charges:
        total, credit = amount(charge.total_fen), amount(charge.credit_fen)
        say(f"  {told('of_charge', charge=charge.short, total=total, credit=credit)}")
    rows = [_mark(mark) for mark in bill.marks]
    for line in in_columns(rows):
        say(f"  {line}")
    for debit in bill.debits:
        _say_debit(debit)


def _mark(mark: Mark) -> tuple[str, ...]:
    often = "planned" if mark.planned else "done"
    return (
        moment(mark.at),
        word(mark.kind),
        word(often),
        word(mark.state),
        amount(mark.amount_fen) if mark.amount_fen else "",
    )


def _say_debit(debit: DebitAnswer) -> None:
    why = " ".join(part for part in (debit.cause, debit.gateway_code) if part)
    order, fen = short(debit.order_no), amount(debit.amount_fen)
    said = told("debit", order=order, attempt=debit.attempt, channel=word(debit.channel), amount=fen)
    say(f"  {said} {word(debit.state)} {why}".rstrip())


def _parts(split: Split) -> str:
    named = [(name, getattr(split, f"{name}_fen")) for name in SOURCES]
    said = " + ".join(f"{word(name)} {amount(fen)}" for name, fen in named if fen)
    return f"{amount(split.total_fen)} = {said}" if said else amount(0)


def _text(text: Text) -> str:
    return text.zh if language() == "zh" else text.en

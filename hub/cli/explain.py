"""`medcredit explain`: why a charge was split and what a bill waits for, from the ledger record that decided it.

Nothing is computed again: amounts, reasons and clauses are those the record holds.
"""

from enum import StrEnum
from typing import Annotated

import typer

from hub.cli.hub_api import TOKEN, URL, HubApi, not_found, quoted
from hub.cli.output import VerbError, answer, language, say
from hub.cli.texts import moment, yuan
from hub.cli.verbs import verb
from hub.web.answers import BillAnswer, ChargeAnswer, Decision, Found, Page, Split, StepAnswer, Text
from schemas.events import SOURCES
from schemas.ids import ID_LENGTH, account_of, short
from schemas.money import yuan_text


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
    decision = charge.decision
    where = f"ledger partition {decision.partition} offset {decision.position}" if decision else charge.status
    total = yuan(charge.allocated.total_fen)
    at = moment(charge.event_at, seconds=False)
    say(f"{charge.short} {total} {charge.institution} {charge.scene} {at} · {where} · {charge.charge}")
    if decision is None:
        say("not split yet: its lines are held until the insurer's settlement, or the close of the visit")
        return
    for number, step in enumerate(decision.steps, start=1):
        _say_step(number, step)
    _say_sum(decision)
    if charge.returned.total_fen:
        say(f"  taken back since {_parts(charge.returned)}; stands now {_parts(charge.standing)}")
    for line in charge.lines:
        say(f"  line {line.line_key} {line.kind} {yuan_text(line.amount_fen)} {line.item_code} {line.item_name}")


def _say_step(number: int, step: StepAnswer) -> None:
    had, took, left = (yuan_text(fen) for fen in (step.available_fen, step.taken_fen, step.rest_fen))
    why = _text(step.reason) if step.reason else ""
    say(f"{number} {step.name:<11} had {had:>10}  took {took:>10}  left {left:>10}   {why}".rstrip())
    if step.clause or step.source:
        say(f"              rule: {'      '.join(part for part in (step.clause, step.source) if part)}")
    if step.score:
        say(f"              score: {step.score}")


def _say_sum(decision: Decision) -> None:
    split = decision.split
    parts = [getattr(split, f"{name}_fen") for name in SOURCES]
    word = "OK" if sum(parts) == split.total_fen else "FAIL"
    after = "" if decision.limit_fen is None else _after(decision)
    sums = " + ".join(yuan_text(fen) for fen in parts if fen) or "0.00"
    say(f"  {sums} = {yuan_text(split.total_fen)} {word}{after}")


def _after(decision: Decision) -> str:
    used, limit = yuan_text(decision.used_fen or 0), yuan_text(decision.limit_fen or 0)
    return f"      after: used {used} of {limit} · {decision.pack}"


def _say_bill(bill: BillAnswer) -> None:
    marks = ["overdue"] * bill.overdue + ["frozen"] * bill.frozen + ["supplementary"] * bill.supplementary
    state = " · ".join((bill.state, *marks))
    say(f"{bill.short} {yuan(bill.amount_fen)} {bill.institution} {state} · revision {bill.revision} · {bill.bill}")
    paid, still = yuan_text(bill.paid_fen), yuan_text(bill.open_fen)
    say(f"  paid {paid}, open {still} · pack {bill.pack} · channel {bill.channel or '–'}")
    if bill.fee_fen:
        say(f"  fee {yuan_text(bill.fee_fen)}, of it paid {yuan_text(bill.fee_paid_fen)}")
    for charge in bill.charges:
        say(f"  charge {charge.short} {yuan_text(charge.total_fen)}, of it credit {yuan_text(charge.credit_fen)}")
    for mark in bill.marks:
        word = "planned" if mark.planned else "done"
        amount = f" {yuan_text(mark.amount_fen)}" if mark.amount_fen else ""
        say(f"  {moment(mark.at)}  {mark.kind:<7} {word:<7} {mark.state}{amount}".rstrip())
    for debit in bill.debits:
        why = " ".join(part for part in (debit.cause, debit.gateway_code) if part)
        order = f"{short(debit.order_no)} attempt {debit.attempt} {debit.channel} {yuan_text(debit.amount_fen)}"
        say(f"  debit {order} {debit.state} {why}".rstrip())


def _parts(split: Split) -> str:
    named = [(name, getattr(split, f"{name}_fen")) for name in SOURCES]
    said = " + ".join(f"{name} {yuan_text(fen)}" for name, fen in named if fen)
    return f"{yuan_text(split.total_fen)} = {said}" if said else yuan_text(0)


def _text(text: Text) -> str:
    return text.zh if language() == "zh" else text.en

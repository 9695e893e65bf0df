"""What charge, reversal and settlement events change."""

from typing import Final

from msgspec.structs import astuple, replace

from hub.domain.digests import id_digest
from hub.domain.evolve.changes import (
    Applications,
    armed,
    counted,
    disarmed,
    put,
    with_core,
    with_encounter,
    with_insured,
    with_used,
    without,
)
from hub.domain.evolve.visits import visit_key
from hub.domain.lines import canonical_line
from hub.domain.state import (
    AccountState,
    Alarm,
    Charge,
    Core,
    Encounter,
    Line,
    Parked,
    ParkedLine,
    Parts,
    Reduction,
    Settlement,
)
from schemas import events
from schemas.events import Allocation, PostedLine


def parts_of(allocation: Allocation) -> Parts:
    """Return the state's form of a split."""
    return Parts(*astuple(allocation))


def _posted(state: AccountState, event: events.ChargePosted) -> AccountState:
    core, key = state.core, visit_key(event.institution, event.visit)
    parts, settled = parts_of(event.allocation), event.settlement is not None
    charge = Charge(
        event.charge,
        core.seq + 1,
        event.event_at,
        event.pack,
        event.agreement,
        event.department,
        event.total_fen,
        parts,
        settled=settled,
        reason=event.reason,
        parameters=event.parameters,
        bill=event.hold,
        payer=event.payer,
    )
    encounter = _booked(state.encounters[key], charge, event.lines)
    if event.absorbs:
        encounter = replace(encounter, charges=_absorbed(encounter, event))
    if event.settlement is not None:
        settlement = Settlement(event.settlement.settlement_id, event.charge)
        encounter = replace(encounter, settlements=(*encounter.settlements, settlement))
        if parts.fund or parts.account:
            core = replace(core, enrolment=with_insured(core))
    prepayments = core.prepayments
    if parts.prepayment:
        prepayments = put(prepayments, event.institution, prepayments[event.institution] - parts.prepayment)
    core = replace(
        core,
        counters=counted(core, "C"),
        prepayments=prepayments,
        insurance_fen=core.insurance_fen if settled else core.insurance_fen - parts.account,
        agreements=with_used(core, event.agreement, parts.credit) if event.agreement else core.agreements,
        timers=_touched(core, key, event.idle_at),
    )
    return AccountState(core, {**state.encounters, key: encounter})


def _held(state: AccountState, event: events.LinesHeld) -> AccountState:
    core, key = state.core, visit_key(event.institution, event.visit)
    charge = Charge(
        event.charge,
        core.seq + 1,
        event.event_at,
        event.pack,
        "",
        event.department,
        event.total_fen,
        Parts(),
        status="held",
    )
    encounter = _booked(state.encounters[key], charge, event.lines)
    core = replace(core, counters=counted(core, "C"), timers=_touched(core, key, event.idle_at))
    return AccountState(core, {**state.encounters, key: encounter})


def _touched(core: Core, key: str, idle_at: int) -> dict[str, Alarm]:
    """Return the timers of a visit that is charged: it closes idle later, and is not archived."""
    timers = dict(core.timers)
    timers.pop(f"archive|{key}", None)
    if idle_at:
        timers[f"idle_close|{key}"] = Alarm(idle_at, city=True, outside=False)
    return timers


def _absorbed(encounter: Encounter, event: events.ChargePosted) -> dict[str, Charge]:
    charges = dict(encounter.charges)
    for held in event.absorbs:
        charges[held] = replace(charges[held], status="settled", into=event.charge)
    return charges


def _booked(encounter: Encounter, charge: Charge, posted: tuple[PostedLine, ...]) -> Encounter:
    """Book the lines of a charge; credits of the same message reduce what their lines leave open."""
    id_, charges = charge.id, {**encounter.charges, charge.id: charge}
    if not posted:
        return replace(encounter, charges=charges)
    lines, credits_ = dict(encounter.lines), encounter.credits
    for line in posted:
        if line.kind == "charge":
            amount = line.amount_fen
            lines[line.line_key] = Line(id_, amount, amount, line.item.code, line.order_no, "charge", line.quantity)
        elif line.kind == "credit":
            credits_ = put(credits_, line.line_key, (_content(line), id_))
            target = lines[line.reverses]
            lines[line.reverses] = replace(target, open_fen=target.open_fen - line.amount_fen)
        else:
            lines[line.line_key] = Line(
                id_, line.amount_fen, 0, line.item.code, line.order_no, line.kind, line.quantity
            )
    return replace(encounter, charges=charges, lines=lines, credits=credits_)


def _content(line: PostedLine) -> str:
    """Return what a repeat of a credit line is compared with."""
    return line.content or canonical_line(line)


def _reduced(state: AccountState, event: events.ChargeReduced) -> AccountState:
    core, parts = state.core, parts_of(event.returned)
    encounter = state.encounters[visit_key(event.institution, event.visit)]
    charge = encounter.charges[event.charge]
    encounter = _returned(encounter, charge, parts, event)
    prepayments = core.prepayments
    if parts.prepayment:
        prepayments = put(prepayments, event.institution, prepayments.get(event.institution, 0) + parts.prepayment)
    freed = parts.credit if not charge.bill else 0
    core = replace(
        core,
        counters=counted(core, "C"),
        prepayments=prepayments,
        insurance_fen=core.insurance_fen + (0 if event.settled else parts.account),
        agreements=with_used(core, charge.agreement, -freed),
    )
    return AccountState(core, put(state.encounters, encounter.key, encounter))


def _returned(encounter: Encounter, charge: Charge, parts: Parts, event: events.ChargeReduced) -> Encounter:
    lines, credits_ = dict(encounter.lines), dict(encounter.credits)
    for key, amount in event.reduced:
        lines[key] = replace(lines[key], open_fen=lines[key].open_fen - amount)
    for line in event.lines:
        credits_[line.line_key] = (_content(line), event.reduction)
    returned = Parts(*(a + b for a, b in zip(charge.returned, parts, strict=True)))
    reduction = Reduction(event.reduction, event.charge, event.amount_fen, parts)
    return replace(
        encounter,
        charges=put(encounter.charges, charge.id, replace(charge, returned=returned)),
        lines=lines,
        credits=credits_,
        reductions=put(encounter.reductions, event.reduction, reduction),
    )


def _insurance_settled(state: AccountState, event: events.InsuranceSettled) -> AccountState:
    encounter = state.encounters[visit_key(event.institution, event.visit)]
    return with_encounter(state, replace(encounter, blocked=""))


def _settlement_blocked(state: AccountState, event: events.SettlementBlocked) -> AccountState:
    encounter = state.encounters[visit_key(event.institution, event.visit)]
    return with_encounter(state, replace(encounter, blocked=event.reason))


def _settlement_reversed(state: AccountState, event: events.SettlementReversed) -> AccountState:
    """What the settlement absorbed waits for the next one."""
    encounter = state.encounters[visit_key(event.institution, event.visit)]
    undone = {s.charge for s in encounter.settlements if s.id == event.settlement_id}
    charges = {
        id_: replace(charge, status="held", into="") if charge.into in undone else charge
        for id_, charge in encounter.charges.items()
    }
    kept = tuple(s for s in encounter.settlements if s.id != event.settlement_id)
    return with_encounter(state, replace(encounter, charges=charges, settlements=kept))


def _parked(state: AccountState, event: events.CreditParked) -> AccountState:
    encounter = state.encounters[visit_key(event.institution, event.visit)]
    place = id_digest(event.command_id)
    parked = Parked(tuple(_parked_line(line) for line in event.lines), event.until, event.command_id)
    credits_ = dict(encounter.credits)
    for line in event.lines:
        credits_[line.line_key] = (_content(line), "")
    state = with_encounter(state, replace(encounter, parked=put(encounter.parked, place, parked), credits=credits_))
    subject = f"{encounter.key}|{place}"
    timers = armed(state.core.timers, "parked_credit", subject, event.until, city=True, outside=False)
    return with_core(state, timers=timers)


def _parked_line(line: PostedLine) -> ParkedLine:
    return ParkedLine(
        line.line_key,
        line.amount_fen,
        _content(line),
        line.item.code,
        line.item.system,
        line.item.name,
        line.service_at,
        line.quantity,
        line.unit_price,
        line.department,
        line.order_no,
        line.reverses,
        line.amount_fen == 0,
    )


def _unparked(state: AccountState, event: events.CreditUnparked) -> AccountState:
    encounter = state.encounters[visit_key(event.institution, event.visit)]
    place = id_digest(event.command_id)
    parked = encounter.parked[place]
    credits_ = encounter.credits
    if not event.applied:
        credits_ = without(credits_, *(line.line_key for line in parked.lines))
    state = with_encounter(state, replace(encounter, parked=without(encounter.parked, place), credits=credits_))
    subject = f"{encounter.key}|{place}"
    return with_core(state, timers=disarmed(state.core.timers, subject, "parked_credit"))


APPLY: Final[Applications] = {
    events.ChargePosted: _posted,
    events.LinesHeld: _held,
    events.ChargeReduced: _reduced,
    events.InsuranceSettled: _insurance_settled,
    events.SettlementBlocked: _settlement_blocked,
    events.SettlementReversed: _settlement_reversed,
    events.CreditParked: _parked,
    events.CreditUnparked: _unparked,
}

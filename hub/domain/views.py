"""How each thing that a record touched stands afterwards, so that a projection copies and never computes."""

from typing import Final, Literal

from hub.domain.bill_states import bill_state
from hub.domain.clearing_state import FeeBook
from hub.domain.deduction import allocation_of
from hub.domain.family_state import Family
from hub.domain.state import AccountState, Agreement, Bill, Charge, Core, Debit, Encounter, Parts
from schemas.events import (
    AccountAbsorbed,
    BillClosed,
    BillIssued,
    BillRevised,
    ChargePosted,
    ChargeReduced,
    Event,
    FamilyBillTaken,
    LinesHeld,
    SettlementReversed,
)
from schemas.ids import account_of
from schemas.ledger import (
    NOTHING,
    BillView,
    ChargeView,
    DebitView,
    FamilyHoldView,
    FamilyMember,
    FamilyView,
    PersonView,
    View,
)

RELINKING: Final = frozenset(
    (BillIssued, BillRevised, BillClosed, SettlementReversed, FamilyBillTaken, AccountAbsorbed)
)
"""Events that change which bill charges belong to, or their status."""
NO_FEE: Final = FeeBook()
UNRETURNED: Final = Parts()
LINKED_VIEWS_MAX: Final = 2_000
"""A record stays below its size; of a longer stay the older charges are found by their visit."""


def views(before: AccountState, after: AccountState, events: list[Event]) -> tuple[View, ...]:
    """Return the person, and every charge, bill and debit whose state is another object than before."""
    if not events:
        return ()
    core, bills, debits = after.core, before.core.bills, before.core.debits
    touched: list[View] = [person_view(core), *_charge_views(before, after, events)]
    if core.bills is not bills:
        touched += [bill_view(core, b) for id_, b in core.bills.items() if bills.get(id_) is not b]
    if core.debits is not debits:
        touched += [debit_view(d) for no, d in core.debits.items() if debits.get(no) is not d]
    return tuple(touched)


def person_view(core: Core) -> PersonView:
    """Return the account; without an agreement in force the last one, on which something may still be owed."""
    used = held = 0
    agreement: Agreement | None = None
    for agreement in core.agreements.values():
        used += agreement.used_fen
        held += agreement.held_fen
    agreement = core.agreements.get(core.agreement, agreement)
    status: Literal["active", "suspended", "barred"] = (
        "barred" if core.barred else "suspended" if core.suspended else "active"
    )
    return PersonView(
        core.account,
        core.kind,
        core.name_masked,
        core.id_masked,
        status,
        core.insurance_fen,
        core.prepayments,
        core.refundable_fen,
        core.agreement,
        agreement.pack if agreement else "",
        agreement.bank if agreement else "",
        agreement.channel if agreement else "",
        agreement.limit_fen if agreement else 0,
        used,
        held,
        core.merged_into or core.linked_person,
        family=family_view(core.family) if core.family is not None else None,
    )


def family_view(family: Family) -> FamilyView:
    """Return the links and open holds of an account."""
    members = [
        FamilyMember(k.id, k.relation, k.role, k.other, k.state, k.since, k.ended_at, k.cause, k.ending)
        for k in family.links.values()
    ]
    asked = []
    for a in family.asks.values():
        institution, _, visit = a.visit.partition("|")
        asked.append(FamilyHoldView(a.hold, "asked", a.payer, institution, visit, a.amount_fen))
    held = [
        FamilyHoldView(h.hold, "held", account_of(h.hold) or "", h.institution, h.visit, h.amount_fen)
        for h in family.holds.values()
    ]
    return FamilyView(tuple(members), (*asked, *held), family.died_at)


def _charge_views(before: AccountState, after: AccountState, events: list[Event]) -> list[ChargeView]:
    """Return the charges that events name; those that a bill took or let go only up to a bound, the newest first."""
    named: dict[tuple[str, str], None] = {}
    relinked = False
    for event in events:
        if type(event) is ChargePosted:
            key = f"{event.institution}|{event.visit}"
            named[key, event.charge] = None
            if event.absorbs:
                named |= dict.fromkeys((key, held) for held in event.absorbs)
        elif type(event) is LinesHeld or type(event) is ChargeReduced:
            named[f"{event.institution}|{event.visit}", event.charge] = None
        elif type(event) in RELINKING:
            relinked = True
    if relinked:
        named |= dict.fromkeys(_relinked(before, after)[:LINKED_VIEWS_MAX])
    views = []
    for key, charge in named:
        encounter = after.encounters[key]
        views.append(charge_view(encounter, encounter.charges[charge]))
    return views


def _relinked(before: AccountState, after: AccountState) -> list[tuple[str, str]]:
    places: list[tuple[str, str]] = []
    for key, encounter in after.encounters.items():
        old = before.encounters.get(key)
        if old is encounter or encounter.patient:
            continue
        known = old.charges if old else {}
        places += [(key, id_) for id_, charge in encounter.charges.items() if known.get(id_) is not charge]
    return places[::-1]


def charge_view(encounter: Encounter, charge: Charge) -> ChargeView:
    """Return a charge with its original split and what was taken back since."""
    returned, total = NOTHING, charge.total_fen
    status: Literal["posted", "held", "settled", "reversed"] = charge.status
    if charge.returned != UNRETURNED:
        returned = allocation_of(charge.returned)
        if status == "posted" and charge.returned_fen >= total > 0:
            status = "reversed"
    return ChargeView(
        charge.id,
        encounter.visit,
        encounter.institution,
        encounter.scene,
        charge.department,
        charge.event_at,
        charge.pack,
        total,
        allocation_of(charge.parts),
        returned,
        status,
        charge.bill,
    )


def bill_view(core: Core, bill: Bill) -> BillView:
    """Return a bill with its two clocks and its fee."""
    fee = core.clearing.fees.get(bill.id, NO_FEE) if core.clearing is not None else NO_FEE
    return BillView(
        bill.id,
        bill.visit.partition("|")[2],
        bill.institution,
        bill.agreement,
        bill.pack,
        bill_state(bill),
        bill.amount_fen,
        bill.paid_fen,
        bill.revision,
        bill.closed_at,
        bill.debit_at,
        bill.due_at,
        bill.overdue_since > 0,
        bool(bill.frozen),
        bill.supplementary,
        core.agreements[bill.agreement].channel,
        fee.charged_fen,
        fee.paid_fen,
    )


def debit_view(debit: Debit) -> DebitView:
    """Return an attempt to debit a bill."""
    return DebitView(
        debit.order_no,
        debit.bill,
        debit.channel,
        debit.attempt,
        debit.amount_fen,
        debit.state,
        debit.cause,
        debit.gateway_code,
        debit.trade_no,
        debit.started_at,
        debit.next_at,
    )

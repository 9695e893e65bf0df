"""What one decision adds to the stream tables: sums by institution, department and city hour, never a person."""

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from hub.domain.clocks import city_hour
from hub.domain.draft import Draft
from hub.domain.state import Bill
from schemas import events
from schemas.facts import Fact

Sums = dict[str, Any]


def facts(draft: Draft, outcome: str) -> tuple[Fact, ...]:
    """Return one fact for the decision, and one for the lines of each further department."""
    sums: Sums = {"institution": draft.institution, "department": "", "scene": ""}
    sums["pack"] = draft.pack.id if draft.pack else ""
    for event in draft.events:
        add = _ADD.get(type(event))
        if add is not None:
            add(sums, draft, event)
    departments: dict[str, int] = sums.pop("departments", {})
    sums["lines"] = departments.pop(sums["department"], 0)
    first = Fact(city_hour=city_hour(draft.now.city), outcome=outcome, **sums)
    if not departments:
        return (first,)
    bare = Fact(first.institution, "", first.city_hour, first.scene, outcome, first.pack, count=0)
    return (first, *(replace(bare, department=name, lines=lines) for name, lines in departments.items()))


def _plus(sums: Sums, **amounts: int) -> None:
    for name, amount in amounts.items():
        if amount:
            sums[name] = sums.get(name, 0) + amount


def _visit_opened(sums: Sums, _draft: Draft, event: events.VisitOpened) -> None:
    sums["institution"], sums["scene"], sums["department"] = event.institution, event.scene, event.department
    sums["visits"] = sums.get("visits", 0) + 1


def _lines(sums: Sums, event: events.ChargePosted | events.LinesHeld) -> None:
    sums["institution"], sums["scene"], sums["department"] = event.institution, event.scene, event.department
    departments: dict[str, int] = sums.setdefault("departments", {})
    for line in event.lines:
        department = line.department or event.department
        departments[department] = departments.get(department, 0) + 1


def _charge(sums: Sums, _draft: Draft, event: events.ChargePosted) -> None:
    _lines(sums, event)
    parts = event.allocation
    _plus(
        sums,
        charged_fen=event.total_fen,
        fund_fen=parts.fund_fen + parts.other_fen,
        account_fen=parts.account_fen,
        prepayment_fen=parts.prepayment_fen,
        credit_fen=parts.credit_fen,
        self_pay_fen=parts.self_pay_fen,
    )


def _held(sums: Sums, _draft: Draft, event: events.LinesHeld) -> None:
    _lines(sums, event)


def _reduced(sums: Sums, _draft: Draft, event: events.ChargeReduced) -> None:
    sums["institution"] = event.institution
    _plus(sums, returned_credit_fen=event.returned.credit_fen)


def _bill_of(sums: Sums, draft: Draft, bill_id: str) -> Bill:
    """Return the bill as it stood before, and note its institution, pack and channel."""
    after = draft.core.bills[bill_id]
    sums["institution"], sums["pack"] = after.institution, after.pack
    sums["channel"] = draft.core.agreements[after.agreement].channel
    return draft.before.core.bills.get(bill_id, after)


def _issued(sums: Sums, draft: Draft, event: events.BillIssued) -> None:
    _bill_of(sums, draft, event.bill)
    _plus(sums, billed_fen=event.amount_fen)


def _paid(sums: Sums, draft: Draft, event: events.DebitPaid) -> None:
    bill = _bill_of(sums, draft, event.bill)
    _plus(sums, repaid_fen=event.amount_fen, debits_paid=1)
    _less_overdue(sums, bill, event.amount_fen)


def _applied(sums: Sums, draft: Draft, event: events.RepaymentApplied | events.ReliefPaid) -> None:
    bill = _bill_of(sums, draft, event.bill)
    _plus(sums, repaid_fen=event.amount_fen)
    _less_overdue(sums, bill, event.amount_fen)


def _revised(sums: Sums, draft: Draft, event: events.BillRevised) -> None:
    bill = _bill_of(sums, draft, event.bill)
    _plus(sums, billed_fen=event.amount_fen - bill.amount_fen)
    _less_overdue(sums, bill, event.released_fen)


def _less_overdue(sums: Sums, bill: Bill, amount_fen: int) -> None:
    if bill.overdue_since:
        _plus(sums, overdue_fen=-amount_fen)


def _overdue(sums: Sums, draft: Draft, event: events.BillOverdue) -> None:
    _bill_of(sums, draft, event.bill)
    _plus(sums, overdue_fen=draft.core.bills[event.bill].owed_fen)


def _undone(sums: Sums, draft: Draft, event: events.OverdueUndone) -> None:
    if event.bill in draft.core.bills:
        bill = _bill_of(sums, draft, event.bill)
        _less_overdue(sums, bill, bill.owed_fen)


def _failed(sums: Sums, draft: Draft, event: events.DebitFailed) -> None:
    _bill_of(sums, draft, event.bill)
    _plus(sums, debits_failed=0 if event.same_number else 1)


def _unknown(sums: Sums, draft: Draft, event: events.DebitUnknown) -> None:
    _bill_of(sums, draft, event.bill)
    debit = draft.before.core.debits.get(event.order_no)
    _plus(sums, debits_unknown=1 if debit is None or debit.state != "unknown" else 0)


def _started(sums: Sums, draft: Draft, event: events.DebitStarted) -> None:
    _bill_of(sums, draft, event.bill)


def _line_set(sums: Sums, draft: Draft, event: events.LineSet) -> None:
    old = draft.before.core.agreements.get(event.agreement)
    sums["pack"] = draft.core.agreements[event.agreement].pack
    _plus(sums, limit_fen=event.limit_fen - (old.limit_fen if old else 0))


def _signed(sums: Sums, _draft: Draft, event: events.AgreementSigned) -> None:
    sums["pack"], sums["channel"] = event.pack, event.channel
    _plus(sums, limit_fen=event.limit_fen)


def _ended(sums: Sums, draft: Draft, event: events.AgreementEnded) -> None:
    old = draft.before.core.agreements[event.agreement]
    sums["pack"] = old.pack
    _plus(sums, limit_fen=-old.limit_fen)


_ADD: Final[dict[type, Callable[[Sums, Draft, Any], None]]] = {
    events.VisitOpened: _visit_opened,
    events.ChargePosted: _charge,
    events.LinesHeld: _held,
    events.ChargeReduced: _reduced,
    events.BillIssued: _issued,
    events.BillRevised: _revised,
    events.BillOverdue: _overdue,
    events.OverdueUndone: _undone,
    events.ReliefPaid: _applied,
    events.DebitStarted: _started,
    events.DebitPaid: _paid,
    events.DebitFailed: _failed,
    events.DebitUnknown: _unknown,
    events.RepaymentApplied: _applied,
    events.LineSet: _line_set,
    events.AgreementSigned: _signed,
    events.AgreementEnded: _ended,
}

"""What one decision adds to the stream tables: sums by institution, department and city hour, never a person."""

from collections import Counter
from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final

from msgspec.structs import replace

from hub.domain.clocks import city_hour
from hub.domain.draft import Draft
from hub.domain.state import Bill
from schemas import events
from schemas.facts import Fact


def facts(draft: Draft, outcome: str) -> tuple[Fact, ...]:
    """Return one fact for the decision, and one for the lines of each further department."""
    pack = draft.pack.id if draft.pack else ""
    sums = Fact(draft.institution, "", city_hour(draft.now.city), "", outcome, pack)
    further: list[str] = []
    for event in draft.events:
        kind = type(event)
        if kind in _ADD:
            _ADD[kind](sums, draft, event)
        if kind in _WITH_LINES:
            further += _further_departments(sums, event)
    if not further:
        return (sums,)
    bare = Fact(sums.institution, "", sums.city_hour, sums.scene, outcome, sums.pack, count=0)
    return (sums, *(replace(bare, department=name, lines=lines) for name, lines in Counter(further).items()))


def _further_departments(sums: Fact, event: Any) -> list[str]:
    """Count the lines of the charge's own department; return the departments of the others, one for each line."""
    departments = list(map(_DEPARTMENT, event.lines))
    own = {event.department, ""}
    further = [] if own.issuperset(departments) else [name for name in departments if name not in own]
    sums.lines += len(departments) - len(further)
    return further


def _visit_opened(sums: Fact, _draft: Draft, event: events.VisitOpened) -> None:
    sums.institution, sums.scene, sums.department = event.institution, event.scene, event.department
    sums.visits += 1


def _held(sums: Fact, _draft: Draft, event: events.LinesHeld) -> None:
    sums.institution, sums.scene, sums.department = event.institution, event.scene, event.department


def _charge(sums: Fact, _draft: Draft, event: events.ChargePosted) -> None:
    sums.institution, sums.scene, sums.department = event.institution, event.scene, event.department
    parts = event.allocation
    sums.charged_fen += event.total_fen
    sums.fund_fen += parts.fund_fen + parts.other_fen
    sums.account_fen += parts.account_fen
    sums.prepayment_fen += parts.prepayment_fen
    sums.credit_fen += parts.credit_fen
    sums.self_pay_fen += parts.self_pay_fen


def _reduced(sums: Fact, _draft: Draft, event: events.ChargeReduced) -> None:
    sums.institution = event.institution
    sums.returned_credit_fen += event.returned.credit_fen


def _bill_of(sums: Fact, draft: Draft, bill_id: str) -> Bill:
    """Return the bill as it stood before, and note its institution, pack and channel."""
    after = draft.core.bills[bill_id]
    sums.institution, sums.pack = after.institution, after.pack
    sums.channel = draft.core.agreements[after.agreement].channel
    return draft.before.core.bills.get(bill_id, after)


def _issued(sums: Fact, draft: Draft, event: events.BillIssued) -> None:
    _bill_of(sums, draft, event.bill)
    sums.billed_fen += event.amount_fen


def _paid(sums: Fact, draft: Draft, event: events.DebitPaid) -> None:
    bill = _bill_of(sums, draft, event.bill)
    sums.repaid_fen += event.amount_fen
    sums.debits_paid += 1
    _less_overdue(sums, bill, event.amount_fen)


def _applied(sums: Fact, draft: Draft, event: events.RepaymentApplied | events.ReliefPaid) -> None:
    bill = _bill_of(sums, draft, event.bill)
    sums.repaid_fen += event.amount_fen
    _less_overdue(sums, bill, event.amount_fen)


def _revised(sums: Fact, draft: Draft, event: events.BillRevised) -> None:
    bill = _bill_of(sums, draft, event.bill)
    sums.billed_fen += event.amount_fen - bill.amount_fen
    _less_overdue(sums, bill, event.released_fen)


def _less_overdue(sums: Fact, bill: Bill, amount_fen: int) -> None:
    if bill.overdue_since:
        sums.overdue_fen -= amount_fen


def _overdue(sums: Fact, draft: Draft, event: events.BillOverdue) -> None:
    _bill_of(sums, draft, event.bill)
    sums.overdue_fen += draft.core.bills[event.bill].owed_fen


def _undone(sums: Fact, draft: Draft, event: events.OverdueUndone) -> None:
    if event.bill in draft.core.bills:
        bill = _bill_of(sums, draft, event.bill)
        _less_overdue(sums, bill, bill.owed_fen)


def _failed(sums: Fact, draft: Draft, event: events.DebitFailed) -> None:
    _bill_of(sums, draft, event.bill)
    sums.debits_failed += not event.same_number


def _unknown(sums: Fact, draft: Draft, event: events.DebitUnknown) -> None:
    _bill_of(sums, draft, event.bill)
    debit = draft.before.core.debits.get(event.order_no)
    sums.debits_unknown += debit is None or debit.state != "unknown"


def _started(sums: Fact, draft: Draft, event: events.DebitStarted) -> None:
    _bill_of(sums, draft, event.bill)


def _line_set(sums: Fact, draft: Draft, event: events.LineSet) -> None:
    old = draft.before.core.agreements.get(event.agreement)
    sums.pack = draft.core.agreements[event.agreement].pack
    sums.limit_fen += event.limit_fen - (old.limit_fen if old else 0)


def _signed(sums: Fact, _draft: Draft, event: events.AgreementSigned) -> None:
    sums.pack, sums.channel = event.pack, event.channel
    sums.limit_fen += event.limit_fen


def _ended(sums: Fact, draft: Draft, event: events.AgreementEnded) -> None:
    old = draft.before.core.agreements[event.agreement]
    sums.pack = old.pack
    sums.limit_fen -= old.limit_fen


_DEPARTMENT: Final = attrgetter("department")
_WITH_LINES: Final = frozenset((events.ChargePosted, events.LinesHeld))
_ADD: Final[dict[type, Callable[[Fact, Draft, Any], None]]] = {
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

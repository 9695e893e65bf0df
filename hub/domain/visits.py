"""Visit events: opened, updated, discharged, cancelled, reopened, idle; none of them moves money (protocols 2.1)."""

from typing import Final

from hub.domain.bills import is_settled, issue_bills, settle_visit
from hub.domain.clocks import HOUR_MS, clamped
from hub.domain.draft import CHARGE_QUARANTINE, Draft, Outcome, Refusal
from hub.domain.holds import release_visit
from hub.domain.settlements import split_held
from hub.domain.state import Encounter
from hub.policies import Pack
from schemas.commands import Instant, RecordVisit, Scene
from schemas.events import (
    BillClosed,
    VisitArchived,
    VisitCancelPending,
    VisitClosed,
    VisitOpened,
    VisitReopened,
    VisitUpdated,
)
from schemas.reasons import Reason

IDLE_HOURS: Final = 12
"""Where no pack covers the institution."""


def record_visit(draft: Draft, body: RecordVisit) -> Outcome | Refusal:
    """Return RECORDED, or why not."""
    key = f"{body.institution}|{body.visit}"
    if key in draft.core.archived:
        return Refusal(Reason.VISIT_ARCHIVED, quarantine=CHARGE_QUARANTINE)
    pack = draft.use_pack(body.institution, body.event_at)
    encounter = draft.state.encounters.get(key)
    if encounter is None:
        scene: Scene = body.scene or "outpatient"
        idle_at = idle_instant(draft, scene, pack)
        draft.emit(VisitOpened(body.visit, body.institution, scene, body.event_at, idle_at, body.department))
        encounter = draft.state.encounters[key]
    elif body.scene is not None and body.scene != encounter.scene and body.event in ("opened", "updated"):
        draft.emit(VisitUpdated(body.visit, body.institution, body.scene, body.event_at))
    if body.event == "discharged" and not encounter.closed_at:
        close_visit(draft, key, clamped(body.event_at, draft.accepted_at), idle=False)
    elif body.event == "cancelled":
        _cancel(draft, encounter)
    elif body.event == "reopened" and (encounter.closed_at or encounter.cancelled):
        reopen_visit(draft, encounter, pack)
    return Outcome("RECORDED", key)


def idle_instant(draft: Draft, scene: Scene, pack: Pack | None) -> Instant:
    """Return when a visit closes if nothing more is heard of it; 0 for a stay, which is discharged."""
    hours = pack.idle_hours if pack else IDLE_HOURS
    return 0 if scene == "inpatient" else draft.now.city + hours * HOUR_MS


def close_visit(draft: Draft, visit: str, closed_at: Instant, *, idle: bool) -> None:
    """Close a visit: held lines are split without a settlement, the credit part becomes a bill."""
    encounter = draft.state.encounters[visit]
    if not encounter.blocked:
        split_held(draft, visit, closed_at, None)
    draft.emit(VisitClosed(encounter.visit, encounter.institution, closed_at, "idle" if idle else "discharged"))
    if draft.core.holds:
        release_visit(draft, visit, "discharged")
    again = any(bill.visit == visit and not bill.final for bill in draft.core.bills.values())
    issue_bills(draft, visit, closed_at, supplementary=again)
    settle_visit(draft, visit)


def _cancel(draft: Draft, encounter: Encounter) -> None:
    """A cancelled visit with charges that are not reversed waits until its net is zero."""
    if encounter.cancelled or encounter.closed_at:
        return
    draft.emit(VisitCancelPending(encounter.visit, encounter.institution))
    close_if_cancelled(draft, encounter.key)


def close_if_cancelled(draft: Draft, visit: str) -> None:
    """Close a cancelled visit whose charges are all reversed."""
    encounter = draft.state.encounters[visit]
    posted = [charge for charge in encounter.charges.values() if charge.status == "posted"]
    if any(line.open_fen for line in encounter.lines.values()):
        return
    if any(charge.total_fen > charge.returned_fen for charge in posted):
        return
    draft.emit(VisitClosed(encounter.visit, encounter.institution, draft.accepted_at, "cancelled"))
    if draft.core.holds:
        release_visit(draft, visit, "cancelled")
    settle_visit(draft, visit)


def reopen_visit(draft: Draft, encounter: Encounter, pack: Pack | None) -> None:
    """Reopen a visit: a bill that nobody paid or debited is taken back, another one stays as it is."""
    for bill in list(draft.core.bills.values()):
        untouched = not (bill.attempts or bill.paid_fen or bill.final or bill.payment_waiting_fen)
        if bill.visit == encounter.key and untouched:
            draft.emit(BillClosed(bill.id, "cancelled"))
    # A visit that mirrors a family member's closes by that account's word only.
    idle_at = 0 if encounter.patient else idle_instant(draft, encounter.scene, pack)
    draft.emit(VisitReopened(encounter.visit, encounter.institution, idle_at))


def archive_visit(draft: Draft, visit: str) -> None:
    """Let a visit settled long ago leave the state; its id stays known. What came alive again stays."""
    encounter = draft.state.encounters[visit]
    if is_settled(draft, encounter):
        draft.emit(VisitArchived(encounter.visit, encounter.institution))

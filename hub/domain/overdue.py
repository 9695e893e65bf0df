"""What an overdue bill does to a person: counters, line, bar, score message; its repair and undoing (domain 8).

Days in arrears are whole 24 h from the end of the term, without the time a relief case stopped the clock.
"""

from hub.domain.credit_lines import set_line
from hub.domain.draft import Draft, Outcome
from hub.domain.evolve.standing import standing_of, unmarked
from hub.domain.feedback import tell_score
from hub.domain.fees import return_fees, waive_fees
from hub.domain.reminders import plan_reminder
from hub.domain.rewards import city_month, month_start, plan_reward
from hub.domain.standing_state import RELIEF_CHANNEL, OverdueMark, Proposal, Standing
from hub.domain.state import Bill, Core
from hub.domain.waivers import waives
from hub.policies import Pack
from hub.policies.standing import is_barred, reduction_for
from schemas.city_time import DAY_MS, at_hour, city_date, city_midnight
from schemas.commands import Instant
from schemas.events import (
    ArrearsCleared,
    ArrearsGrew,
    Blacklisted,
    BlacklistLifted,
    CutEnded,
    OverdueRecorded,
    OverdueRepaired,
    OverdueUndone,
    RepaidOnTime,
    Resumed,
    ResumePlanned,
    Suspended,
)


def record_overdue(draft: Draft, bill_id: str) -> None:
    """Count a bill that was just marked overdue; report it, and bar the person above the pack's count."""
    bill = draft.bill(bill_id)
    pack = draft.policies.packs[bill.pack]
    next_at = _next_band_at(pack, bill.due_at, bill.due_at - 1)
    month = city_month(bill.due_at)
    draft.emit(OverdueRecorded(bill.id, pack.id, bill.due_at, bill.owed_fen, month, next_at))
    if pack.overdue.report_to_score:
        tell_score(draft, "overdue", bill=bill.id)
    _bar(draft, pack, bill.id)


def _bar(draft: Draft, pack: Pack, bill_id: str) -> None:
    standing = standing_of(draft.core)
    total, in_row = len(standing.marks), standing.in_row
    if not standing.blacklisted and is_barred(pack, total, in_row):
        draft.emit(Blacklisted(bill_id, total, in_row))


def judge_joined(draft: Draft) -> None:
    """Judge two records that became one person's: the bar and the line follow from both, arrears of either suspend."""
    core, marks = draft.core, standing_of(draft.core).marks
    if marks:
        _bar(draft, draft.policies.packs[marks[-1].pack], marks[-1].bill)
    unpaid = next((mark.bill for mark in marks if not mark.cleared_at), "")
    if core.suspended and core.resume_at and unpaid:
        draft.emit(Suspended(unpaid))
    set_line(draft)


def _next_band_at(pack: Pack, begun_at: Instant, after: Instant) -> Instant:
    """Return when the days in arrears next reach a band of the pack, 0 for never."""
    instants = (begun_at + band.days_from * DAY_MS for band in pack.reductions)
    return min((at for at in instants if at > after), default=0)


def arrears_due(draft: Draft, bill_id: str) -> Outcome:
    """Cut the line to what days and amount in arrears leave of it; within an episode it is never cut less."""
    bill, mark = draft.bill(bill_id), standing_of(draft.core).mark_of(bill_id)
    if mark is None or mark.cleared_at or bill.owed_fen <= 0:
        return Outcome("TIMER", bill_id)
    pack, now = draft.policies.packs[mark.pack], draft.now.city
    begun_at = mark.since + mark.paused_ms
    days = (now - begun_at) // DAY_MS
    band = reduction_for(pack, days, bill.owed_fen)
    spared = waives(draft.core, pack, "reduction")
    cut = max(mark.cut_percent, band.cut_percent if band and not spared else 0)
    draft.emit(ArrearsGrew(bill_id, days, bill.owed_fen, cut, _next_band_at(pack, begun_at, now)))
    set_line(draft)
    return Outcome("TIMER", bill_id)


def next_band_after_pause(draft: Draft, mark: OverdueMark, paused_ms: int) -> Instant:
    """Return when a mark whose clock goes on after a pause next reaches a band."""
    begun_at = mark.since + mark.paused_ms + paused_ms
    return _next_band_at(draft.policies.packs[mark.pack], begun_at, draft.now.city)


def note_settled(draft: Draft, bill_id: str) -> None:
    """Count a settled bill once: arrears cleared, or repaid on time where the person's own money paid it.

    A loss that was written off clears nobody's arrears.
    """
    bill = draft.bill(bill_id)
    if bill.counted or bill.owed_fen > 0 or bill.debiting or bill.final == "written_off":
        return
    mark = standing_of(draft.core).mark_of(bill_id) if bill.overdue_since else None
    if mark is not None:
        _clear(draft, mark)
    elif not bill.overdue_since and bill.final in ("", "relieved"):
        _count_on_time(draft, bill.id, draft.policies.packs[bill.pack], _own_fen(bill), draft.now.city)


def note_recovered(draft: Draft, bill_id: str) -> str:
    """Clear the arrears of a bill whose whole loss came in after all; return the mark's pack, empty for no mark."""
    mark = standing_of(draft.core).mark_of(bill_id)
    if mark is None or mark.cleared_at:
        return ""
    _clear(draft, mark)
    return mark.pack


def in_arrears(core: Core) -> bool:
    """Return True while an overdue bill is owed, or was given up and nobody has paid the loss since (domain 8, 10)."""
    if any(bill.overdue_since and bill.owed_fen > 0 for bill in core.bills.values()):
        return True
    lost = core.clearing.losses if core.clearing else {}
    return any(
        loss.recovered_fen < loss.amount_fen and standing_of(core).mark_of(bill) is not None
        for bill, loss in lost.items()
    )


def _clear(draft: Draft, mark: OverdueMark) -> None:
    others = [each for each in standing_of(draft.core).marks if each.bill != mark.bill]
    repair_at = 0
    if all(each.cleared_at for each in others):
        repair_at = _repair_at(draft.policies.packs[mark.pack], draft.now.city)
    draft.emit(ArrearsCleared(mark.bill, draft.now.city, repair_at))
    if not draft.core.suspended:
        _end_cuts(draft)


def resume_credit(draft: Draft) -> None:
    """Let credit be used again; where the pack repairs nothing, a cut line comes back with it."""
    draft.emit(Resumed())
    _end_cuts(draft)


def _end_cuts(draft: Draft) -> None:
    packs = draft.policies.packs
    ended = tuple(
        mark.bill
        for mark in standing_of(draft.core).marks
        if mark.cleared_at and mark.cut_percent and not packs[mark.pack].repair.clean_months
    )
    if ended:
        draft.emit(CutEnded(ended))
        set_line(draft)


def _repair_at(pack: Pack, clean_from: Instant) -> Instant:
    months = pack.repair.clean_months
    return months_later(clean_from, months) if months and clean_from else 0


def months_later(at: Instant, months: int) -> Instant:
    """Return the same time of the same day so many city months later, of a shorter month's last day."""
    month = city_month(at) + months
    last = (month_start(month + 1) - month_start(month)) // DAY_MS
    return month_start(month) + (min(city_date(at).day, last) - 1) * DAY_MS + at - city_midnight(at)


def _own_fen(bill: Bill) -> int:
    """Return what the person themselves paid of a bill."""
    return sum(p.amount_fen - p.returned_fen for p in bill.payments if not p.channel.startswith(RELIEF_CHANNEL))


def _count_on_time(draft: Draft, bill_id: str, pack: Pack, own_fen: int, settled_at: Instant) -> None:
    """Count it where the pack rewards it or it ends a row of overdue bills."""
    rewarded = pack.reward.months_on_time or pack.step_up.per_repayment_fen or pack.privileges
    if own_fen <= 0 or not (rewarded or draft.core.standing):
        return
    draft.emit(RepaidOnTime(bill_id, city_month(settled_at), own_fen, settled_at))
    if pack.step_up.per_repayment_fen:
        set_line(draft)
    plan_reward(draft, pack)


def repair_due(draft: Draft, _subject: str) -> Outcome:
    """Lower the counters after a clean record: the oldest bills count no more."""
    standing = standing_of(draft.core)
    if not standing.clean_from or draft.timer is None:
        return Outcome("TIMER")
    pack, at = draft.policies.packs[standing.marks[-1].pack], draft.timer.due_at
    gone = tuple(mark.bill for mark in standing.marks[: pack.repair.lowers])
    more = len(standing.marks) > len(gone)
    draft.emit(OverdueRepaired(gone, at, _repair_at(pack, at) if more else 0))
    _lift(draft, pack, "repair")
    set_line(draft)
    return Outcome("TIMER")


def _lift(draft: Draft, pack: Pack, cause: str) -> None:
    standing = standing_of(draft.core)
    if standing.blacklisted and not is_barred(pack, len(standing.marks), standing.in_row):
        draft.emit(BlacklistLifted("undo" if cause == "undo" else "repair"))


def undo_overdue(draft: Draft, proposal: Proposal, confirmed_by: str) -> None:
    """Take a wrong mark back as if it had never been: counters, line, bar, score message, suspension, reward."""
    bill, standing = draft.core.bills.get(proposal.subject), standing_of(draft.core)
    mark, rest = standing.mark_of(proposal.subject), unmarked(standing, proposal.subject)
    if mark is None:
        raise AssertionError(f"bill {proposal.subject} has no mark to undo")
    if mark.message:
        tell_score(draft, "overdue_withdrawn", bill=mark.bill, withdraws=mark.message)
    owed = bill is not None and bill.owed_fen > 0
    draft.emit(
        OverdueUndone(
            mark.bill,
            proposal.id,
            proposal.author,
            confirmed_by,
            proposal.reason,
            proposal.until if owed else 0,
            _repair_after_undo(draft, rest),
        )
    )
    if bill is not None:
        waive_fees(draft, bill, proposal.author, proposal.reason)
        return_fees(draft, bill, proposal.author, proposal.reason)
    _lift(draft, draft.policies.packs[mark.pack], "undo")
    set_line(draft)
    if draft.core.suspended:
        _resume_after_undo(draft, rest)
    if owed:
        plan_reminder(draft, mark.bill)
    elif mark.cleared_at:
        own_fen = _own_fen(draft.bill(mark.bill)) if bill else mark.amount_fen
        _count_on_time(draft, mark.bill, draft.policies.packs[mark.pack], own_fen, mark.cleared_at)


def _repair_after_undo(draft: Draft, rest: Standing) -> Instant:
    return _repair_at(draft.policies.packs[rest.marks[-1].pack], rest.clean_from) if rest.marks else 0


def _resume_after_undo(draft: Draft, rest: Standing) -> None:
    """Resume at once, or on the day after the arrears of other bills were paid; never while one of them is unpaid."""
    packs = draft.policies.packs
    others = [mark for mark in rest.marks if packs[mark.pack].overdue.suspends]
    if not all(mark.cleared_at for mark in others):
        return
    days = ((mark.cleared_at, packs[mark.pack].overdue.resume_after_days) for mark in others)
    resume_at = max((at_hour(cleared_at, after, 0) for cleared_at, after in days), default=0)
    if resume_at <= draft.now.city:
        resume_credit(draft)
    elif not draft.core.resume_at:
        draft.emit(ResumePlanned(resume_at))

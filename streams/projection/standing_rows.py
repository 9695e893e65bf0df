"""Rows about a person's standing: its view, proposals, relief cases, and what the person and the score were told."""

from typing import Any, Final

import msgspec

from schemas.events import FeedbackAnswered, FeedbackDelayed, MessageSent, ReminderSent, ScoreFeedback
from schemas.ledger import LedgerRecord, ProposalView, ReliefView, StandingView, View
from streams.projection.stamps import STAMP, stamp

Row = tuple[Any, ...]

COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "standing": (
        *("account", "seq", "at", "overdue_total", "overdue_in_row", "cut_percent", "clean_from", "on_time"),
        *("months_in_row", "blacklisted", "lists", "entitlements", "deposit_waived", "dishonesty", "insurance_linked"),
        "insurance_credit",
    ),
    "proposals": (
        *("proposal", *STAMP, "action", "subject", "author", "reason", "proposed_at", "until"),
        *("needed", "confirmed_by", "state", "ended_by"),
    ),
    "relief_cases": (
        *("relief_case", *STAMP, "bill", "kind", "state", "asked_fen", "paid_fen", "author"),
        *("reason", "opened_at", "approved_by"),
    ),
    "notices": (
        *("account", "seq", "entry", "at", "kind", "bill", "days", "owed_fen", "provider", "points", "message"),
        "withdraws",
    ),
}


def add_standing_view(rows: dict[str, list[Row]], record: LedgerRecord, view: View) -> None:
    """Add the row of a view of this file; every other view is left alone."""
    match view:
        case StandingView():
            rows["standing"].append(_standing_row(view, record.seq, record.now))
        case ProposalView():
            rows["proposals"].append(_proposal_row(view, stamp(record)))
        case ReliefView():
            rows["relief_cases"].append(_relief_row(view, stamp(record)))
        case _:
            pass


def add_notices(rows: dict[str, list[Row]], record: LedgerRecord) -> None:
    """Add a row for each reminder and message to the person, each message to the score's source and its answer."""
    for entry, event in enumerate(record.events):
        told: Row
        if isinstance(event, ReminderSent):
            told = ("reminder", event.bill, event.days, event.owed_fen, "", 0, "", "")
        elif isinstance(event, ScoreFeedback):
            told = (event.kind, event.bill, 0, 0, event.provider, event.points, event.message, event.withdraws)
        elif isinstance(event, MessageSent):
            told = (event.kind, event.bill, 0, event.owed_fen, "", 0, "", "")
        elif isinstance(event, FeedbackAnswered):
            told = (f"feedback_{event.status}", "", 0, 0, "", 0, event.message, "")
        elif isinstance(event, FeedbackDelayed):
            told = ("feedback_delayed", "", 0, 0, "", 0, event.message, "")
        else:
            continue
        rows["notices"].append((record.account, record.seq, entry, record.now, *told))


def _json(content: object) -> str:
    return msgspec.json.encode(content).decode()


def _standing_row(view: StandingView, seq: int, at: int) -> Row:
    lists = [msgspec.structs.asdict(each) for each in view.lists]
    return (
        *(view.account, seq, at, view.overdue_total, view.overdue_in_row, view.cut_percent, view.clean_from),
        *(view.on_time, view.months_in_row, view.blacklisted, _json(lists), _json(view.entitlements)),
        *(view.deposit_waived, view.dishonesty, view.insurance_linked, view.insurance_credit),
    )


def _proposal_row(view: ProposalView, stamped: Row) -> Row:
    return (
        *(view.proposal, *stamped, view.action, view.subject, view.author, view.reason, view.at, view.until),
        *(view.needed, _json(view.confirmed_by), view.state, view.ended_by),
    )


def _relief_row(view: ReliefView, stamped: Row) -> Row:
    return (
        *(view.case, *stamped, view.bill, view.kind, view.state, view.asked_fen, view.paid_fen, view.author),
        *(view.reason, view.opened_at, _json(view.approved_by)),
    )

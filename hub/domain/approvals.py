"""What takes two people: the lists of persons and undoing a wrong overdue; the same one twice is refused (domain 8)."""

from collections.abc import Callable
from typing import Final

from hub.domain.clocks import DAY_MS
from hub.domain.draft import Draft, Outcome, Refusal
from hub.domain.evolve.standing import standing_of
from hub.domain.overdue import undo_overdue
from hub.domain.standing_state import Proposal
from hub.policies.clauses import Lists
from schemas.commands import ConfirmProposal, ProposeListing, ProposeUnlisting, RejectProposal, UndoOverdue
from schemas.events import Listed, ProposalEnded, ProposalSupported, Proposed, Unlisted
from schemas.events.approvals import Action, Colour
from schemas.reasons import Reason

PEOPLE_MIN: Final = 2
OPEN_FOR_MS: Final = 30 * DAY_MS
"""A proposal that nobody confirms within 30 days of city time is dropped."""


def propose_listing(draft: Draft, body: ProposeListing) -> Outcome | Refusal:
    """Return HELD: the person is on the list once another person confirms it."""
    rule = _lists(draft)
    allowed = not rule.citation.clause or (rule.white if body.colour == "white" else rule.black)
    if not allowed:
        return Refusal(Reason.LIST_NOT_COVERED, {"colour": body.colour})
    latest = draft.now.city + rule.max_days * DAY_MS
    if (body.until and body.until <= draft.now.city) or (rule.max_days and not 0 < body.until <= latest):
        return Refusal(Reason.LIST_TERM, {"days": str(rule.max_days or "–")})
    if body.colour in draft.core.lists:
        return Refusal(Reason.LIST_ENTRY_EXISTS, {"colour": body.colour})
    return _propose(draft, "list", body.colour, body, until=body.until, needed=rule.approvals)


def propose_unlisting(draft: Draft, body: ProposeUnlisting) -> Outcome | Refusal:
    """Return HELD; the black list also holds whom the counters put there."""
    by_counters = body.colour == "black" and standing_of(draft.core).blacklisted
    if body.colour not in draft.core.lists and not by_counters:
        return Refusal(Reason.LIST_ENTRY_UNKNOWN, {"colour": body.colour})
    return _propose(draft, "unlist", body.colour, body, needed=_lists(draft).approvals)


def propose_undo(draft: Draft, body: UndoOverdue) -> Outcome | Refusal:
    """Return HELD; what is still owed needs a new term, so that undoing is no way to owe for ever."""
    refusal = _may_undo(draft, body.bill, body.due_at)
    if refusal is not None:
        return refusal
    return _propose(draft, "undo_overdue", body.bill, body, until=body.due_at)


def _may_undo(draft: Draft, bill_id: str, due_at: int) -> Refusal | None:
    """Return why not; the mark of a bill that is archived since can still be undone."""
    bill = draft.core.bills.get(bill_id)
    if standing_of(draft.core).mark_of(bill_id) is None:
        return Refusal(Reason.BILL_NOT_OVERDUE if bill else Reason.BILL_UNKNOWN, {"bill": bill_id})
    if bill is None:
        return None
    if bill.debiting or bill.paused_at:
        return Refusal(Reason.BILL_NOT_PAYABLE)
    if bill.owed_fen > 0 and due_at <= draft.now.city:
        return Refusal(Reason.TERM_NEEDED)
    return None


def _lists(draft: Draft) -> Lists:
    """Return the clause of the person's pack; neutral for a person without an agreement."""
    agreements = list(draft.core.agreements.values())
    agreement = draft.agreement() or (agreements[-1] if agreements else None)
    return draft.policies.packs[agreement.pack].lists if agreement else Lists()


def _propose(
    draft: Draft,
    action: Action,
    subject: str,
    body: ProposeListing | ProposeUnlisting | UndoOverdue,
    *,
    until: int = 0,
    needed: int = 0,
) -> Outcome | Refusal:
    if not body.author or not body.reason:
        return Refusal(Reason.FIELD_MISSING, {"field": "author" if not body.author else "reason"})
    known = next((p for p in draft.core.proposals.values() if (p.action, p.subject) == (action, subject)), None)
    if known is not None:
        return Refusal(Reason.PROPOSAL_EXISTS, {"proposal": known.id})
    proposal, now = draft.new_id("Q"), draft.now.city
    draft.emit(
        Proposed(
            proposal,
            action,
            subject,
            body.author,
            body.reason,
            now,
            now + OPEN_FOR_MS,
            until,
            max(PEOPLE_MIN, needed),
        )
    )
    return Outcome("HELD", proposal)


def confirm_proposal(draft: Draft, body: ConfirmProposal) -> Outcome | Refusal:
    """Return RECORDED when it is done, HELD when the pack wants still more people."""
    proposal = draft.core.proposals.get(body.proposal)
    if proposal is None:
        return Refusal(Reason.PROPOSAL_UNKNOWN)
    if not body.author:
        return Refusal(Reason.FIELD_MISSING, {"field": "author"})
    if body.author in (proposal.author, *proposal.by):
        return Refusal(Reason.SAME_PERSON)
    if len(proposal.by) + PEOPLE_MIN < proposal.needed:
        draft.emit(ProposalSupported(proposal.id, body.author))
        return Outcome("HELD", proposal.id)
    refusal = _CARRY_OUT[proposal.action](draft, proposal, body.author)
    if refusal is not None:
        return refusal
    draft.emit(ProposalEnded(proposal.id, "confirmed", body.author))
    return Outcome("RECORDED", proposal.id)


def _colour(subject: str) -> Colour:
    return "white" if subject == "white" else "black"


def _list(draft: Draft, proposal: Proposal, confirmed_by: str) -> Refusal | None:
    colour = _colour(proposal.subject)
    if colour in draft.core.lists:
        return Refusal(Reason.LIST_ENTRY_EXISTS, {"colour": colour})
    if proposal.until and proposal.until <= draft.now.city:
        return Refusal(Reason.LIST_TERM, {"days": "–"})
    at = draft.now.city
    draft.emit(Listed(colour, proposal.reason, proposal.author, confirmed_by, at, proposal.until))
    return None


def _unlist(draft: Draft, proposal: Proposal, confirmed_by: str) -> Refusal | None:
    colour = _colour(proposal.subject)
    draft.emit(Unlisted(colour, "removed", proposal.author, confirmed_by))
    return None


def _undo(draft: Draft, proposal: Proposal, confirmed_by: str) -> Refusal | None:
    refusal = _may_undo(draft, proposal.subject, proposal.until)
    if refusal is None:
        undo_overdue(draft, proposal, confirmed_by)
    return refusal


_CARRY_OUT: Final[dict[str, Callable[[Draft, Proposal, str], Refusal | None]]] = {
    "list": _list,
    "unlist": _unlist,
    "undo_overdue": _undo,
}


def reject_proposal(draft: Draft, body: RejectProposal) -> Outcome | Refusal:
    """Drop a proposal: its own author may, and anybody else."""
    if body.proposal not in draft.core.proposals:
        return Refusal(Reason.PROPOSAL_UNKNOWN)
    draft.emit(ProposalEnded(body.proposal, "rejected", body.author))
    return Outcome("RECORDED", body.proposal)


def proposal_due(draft: Draft, proposal: str) -> Outcome:
    """Drop a proposal that nobody confirmed in time."""
    if proposal in draft.core.proposals:
        draft.emit(ProposalEnded(proposal, "expired"))
    return Outcome("TIMER", proposal)


def listing_due(draft: Draft, subject: str) -> Outcome:
    """Take the person off a list whose entry has ended."""
    colour = _colour(subject)
    if colour in draft.core.lists:
        draft.emit(Unlisted(colour, "expired"))
    return Outcome("TIMER", subject)

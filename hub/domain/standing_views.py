"""How standing, lists, proposals and relief cases stand after a record that touched them."""

from typing import Final, Literal

from hub.domain.draft import Draft
from hub.domain.entitlements import Entitled, entitled
from hub.domain.evolve.standing import standing_of
from hub.domain.rewards import city_month, months_in_row
from hub.domain.standing_state import Enrolment, Proposal, ReliefCase
from hub.domain.state import Core
from schemas.events import ChargePosted, Event, LinesHeld, ProposalEnded, VisitOpened
from schemas.ledger import ListingView, ProposalView, ReliefView, StandingView, View

_UNTOUCHED: Final[tuple[View, ...]] = ()
_UNTOUCHING: Final = frozenset((VisitOpened, ChargePosted, LinesHeld))
"""What most records consist of: of all that is viewed here, these touch enrolment at most."""


def standing_views(draft: Draft) -> tuple[View, ...]:
    """Return the views of what is another object than before; nothing for most records."""
    before, core = draft.before.core, draft.core
    if _UNTOUCHING.issuperset(map(type, draft.events)) and core.enrolment is before.enrolment:
        return _UNTOUCHED
    views: list[View] = []
    if _touched(before, core):
        views += _standing(draft, core)
    if core.relief is not before.relief:
        views += [relief_view(case) for id_, case in core.relief.items() if before.relief.get(id_) is not case]
    if core.proposals is not before.proposals:
        views += _proposals(before, core, draft.events)
    return tuple(views)


def _touched(before: Core, core: Core) -> bool:
    return (
        core.standing is not before.standing
        or core.scores is not before.scores
        or core.agreement != before.agreement
        or core.lists is not before.lists
        or core.enrolment is not before.enrolment
        or core.suspended != before.suspended
    )


def _standing(draft: Draft, core: Core) -> list[View]:
    """Return the standing unless it says nothing and said nothing before."""
    rights = entitled(core, draft.policies, draft.now.city)
    known_rights = entitled(draft.before.core, draft.policies, draft.now.city)
    if _silent(core, rights) and _silent(draft.before.core, known_rights):
        return []
    return [standing_view(core, rights, city_month(draft.now.city))]


def _silent(core: Core, rights: Entitled) -> bool:
    known = core.enrolment or Enrolment()
    asked = bool(known.dishonesty or known.cards or known.insurance_credit)
    return core.standing is None and not core.lists and not asked and rights == Entitled()


def standing_view(core: Core, rights: Entitled, month: int) -> StandingView:
    """Return the standing with the entitlements given, in a city month."""
    standing, known = standing_of(core), core.enrolment or Enrolment()
    return StandingView(
        core.account,
        len(standing.marks),
        standing.in_row,
        standing.cut_percent,
        standing.clean_from,
        standing.on_time,
        months_in_row(core.standing, month),
        standing.blacklisted,
        tuple(
            ListingView(each.colour, each.reason, each.author, each.confirmed_by, each.at, each.until)
            for each in core.lists.values()
        ),
        rights.privileges,
        rights.deposit_waived,
        bool(known.dishonesty),
        bool(known.cards),
        known.insurance_credit,
    )


def relief_view(case: ReliefCase) -> ReliefView:
    """Return a relief case."""
    return ReliefView(
        case.id,
        case.bill,
        case.kind,
        case.state,
        case.asked_fen,
        case.paid_fen,
        case.author,
        case.reason,
        case.opened_at,
        case.by,
    )


def _proposals(before: Core, core: Core, events: list[Event]) -> list[View]:
    ended = {event.proposal: event for event in events if isinstance(event, ProposalEnded)}
    changed = [p for id_, p in core.proposals.items() if before.proposals.get(id_) is not p]
    # What moved to another account in a merge is told there.
    gone = [p for id_, p in before.proposals.items() if id_ in ended and id_ not in core.proposals]
    views: list[View] = [_proposal_view(each, "open", "") for each in changed]
    return views + [_proposal_view(each, ended[each.id].outcome, ended[each.id].author) for each in gone]


def _proposal_view(
    proposal: Proposal, state: Literal["open", "confirmed", "rejected", "expired"], ended_by: str
) -> ProposalView:
    return ProposalView(
        proposal.id,
        proposal.action,
        proposal.subject,
        proposal.author,
        proposal.reason,
        proposal.at,
        proposal.until,
        proposal.needed,
        proposal.by,
        state,
        ended_by,
    )

"""What proposals of two people, the lists of persons, and what enrolment asks change."""

from typing import Final

from msgspec.structs import replace

from hub.domain.evolve.changes import Applications, armed, counted, disarmed, put, with_core, without
from hub.domain.evolve.standing import is_barred
from hub.domain.standing_state import Enrolment, Listing, Proposal
from hub.domain.state import AccountState
from schemas import events


def _proposed(state: AccountState, event: events.Proposed) -> AccountState:
    core = state.core
    proposal = Proposal(
        event.proposal,
        event.action,
        event.subject,
        event.author,
        event.reason,
        event.at,
        event.until,
        event.needed,
    )
    return with_core(
        state,
        proposals=put(core.proposals, proposal.id, proposal),
        counters=counted(core, "Q"),
        timers=armed(core.timers, "proposal", proposal.id, event.expires_at, city=True, outside=False),
    )


def _supported(state: AccountState, event: events.ProposalSupported) -> AccountState:
    old = state.core.proposals[event.proposal]
    changed = replace(old, by=(*old.by, event.author))
    return with_core(state, proposals=put(state.core.proposals, old.id, changed))


def _ended(state: AccountState, event: events.ProposalEnded) -> AccountState:
    timers = disarmed(state.core.timers, event.proposal, "proposal")
    return with_core(state, proposals=without(state.core.proposals, event.proposal), timers=timers)


def _listed(state: AccountState, event: events.Listed) -> AccountState:
    core = state.core
    listing = Listing(event.colour, event.reason, event.author, event.confirmed_by, event.at, event.until)
    lists = put(core.lists, event.colour, listing)
    timers = disarmed(core.timers, event.colour, "listing")
    timers = armed(timers, "listing", event.colour, event.until, city=True, outside=False)
    return with_core(state, lists=lists, barred=is_barred(core.standing, lists), timers=timers)


def _unlisted(state: AccountState, event: events.Unlisted) -> AccountState:
    """Taken off by people, the black list also lets go of what the counters put there."""
    core = state.core
    lists, standing = without(core.lists, event.colour), core.standing
    if standing is not None and event.colour == "black" and event.cause == "removed":
        standing = replace(standing, blacklisted=False)
    timers = disarmed(core.timers, event.colour, "listing")
    return with_core(state, lists=lists, standing=standing, barred=is_barred(standing, lists), timers=timers)


def _dishonest(state: AccountState, event: events.DishonestyRecorded) -> AccountState:
    return with_core(state, enrolment=replace(state.core.enrolment or Enrolment(), dishonesty=event.reference))


def _honest(state: AccountState, _event: events.DishonestyCleared) -> AccountState:
    return with_core(state, enrolment=replace(state.core.enrolment or Enrolment(), dishonesty=""))


def _insurance_linked(state: AccountState, event: events.InsuranceLinked) -> AccountState:
    old = state.core.enrolment or Enrolment()
    return with_core(state, enrolment=replace(old, cards=(*old.cards, event.card)))


def _insurance_checked(state: AccountState, event: events.InsuranceCreditChecked) -> AccountState:
    result = "passed" if event.passed else "failed"
    old = state.core.enrolment or Enrolment()
    checked = replace(old, insurance_credit=result, insurance_checked_at=event.checked_at)
    return with_core(state, enrolment=checked)


APPLY: Final[Applications] = {
    events.Proposed: _proposed,
    events.ProposalSupported: _supported,
    events.ProposalEnded: _ended,
    events.Listed: _listed,
    events.Unlisted: _unlisted,
    events.DishonestyRecorded: _dishonest,
    events.DishonestyCleared: _honest,
    events.InsuranceLinked: _insurance_linked,
    events.InsuranceCreditChecked: _insurance_checked,
}

"""What family events change: links, holds on the payer's line, credit on a mirrored visit."""

from typing import Final

from msgspec.structs import replace

from hub.domain.evolve.changes import (
    Applications,
    armed,
    counted,
    disarmed,
    put,
    with_agreement,
    with_core,
    with_encounter,
    with_used,
    without,
)
from hub.domain.family_state import Ask, Family, FamilyHold, Link
from hub.domain.state import AccountState, Charge, Encounter, Parts, Payment
from schemas import events
from schemas.ids import account_of


def family_of(state: AccountState) -> Family:
    """Return what the account knows of its family, which may be nothing."""
    return state.core.family or Family()


def _with_family(state: AccountState, family: Family, **changes: object) -> AccountState:
    return with_core(state, family=family, **changes)


def _with_link(state: AccountState, link: Link, **changes: object) -> AccountState:
    family = family_of(state)
    return _with_family(state, replace(family, links=put(family.links, link.id, link)), **changes)


def _requested(state: AccountState, event: events.FamilyLinkRequested) -> AccountState:
    link = Link(
        event.link, event.relation, event.role, event.other, "requested", event.expires_at, event.consent_version
    )
    timers = armed(state.core.timers, "family_request", link.id, event.expires_at, city=True, outside=True)
    return _with_link(state, link, timers=timers, counters=counted(state.core, "F"))


def _offered(state: AccountState, event: events.FamilyLinkOffered) -> AccountState:
    link = Link(
        event.link,
        event.relation,
        event.role,
        event.other,
        "offered",
        event.expires_at,
        other_consent=event.consent_version,
        other_birth_on=event.birth_on,
        channel=event.channel,
        channel_agreement=event.channel_agreement,
    )
    timers = armed(state.core.timers, "family_request", link.id, event.expires_at, city=True, outside=True)
    return _with_link(state, link, timers=timers)


def _linked(state: AccountState, event: events.FamilyLinked) -> AccountState:
    old = family_of(state).links[event.link]
    consent = "other_consent" if old.state == "requested" else "consent"
    link = replace(old, state="active", since=event.since, **{consent: event.consent_version})
    if event.birth_on:
        link = replace(link, other_birth_on=event.birth_on)
    if event.channel:
        link = replace(link, channel=event.channel, channel_agreement=event.channel_agreement)
    timers = disarmed(state.core.timers, link.id, "family_request")
    timers = armed(timers, "of_age", link.id, event.of_age_at, city=True, outside=True)
    return _with_link(state, link, timers=timers)


def _ended(state: AccountState, event: events.FamilyLinkEnded) -> AccountState:
    old = family_of(state).links[event.link]
    link = replace(old, state="ended", ended_at=event.ended_at, cause=event.cause, ending="", channel="")
    timers = disarmed(state.core.timers, link.id, "family_request", "of_age")
    return _with_link(state, link, timers=timers)


def _unlink_asked(state: AccountState, event: events.FamilyUnlinkAsked) -> AccountState:
    link = replace(family_of(state).links[event.link], ending="requested" if event.by_us else "offered")
    timers = armed(state.core.timers, "family_request", link.id, event.expires_at, city=True, outside=True)
    return _with_link(state, link, timers=timers)


def _unlink_refused(state: AccountState, event: events.FamilyUnlinkRefused) -> AccountState:
    link = replace(family_of(state).links[event.link], ending="")
    return _with_link(state, link, timers=disarmed(state.core.timers, link.id, "family_request"))


def _contract_noted(state: AccountState, event: events.FamilyContractNoted) -> AccountState:
    link = replace(family_of(state).links[event.link], channel=event.channel, channel_agreement=event.channel_agreement)
    return _with_link(state, link)


def _died(state: AccountState, event: events.PersonDied) -> AccountState:
    return _with_family(state, replace(family_of(state), died_at=event.died_at))


def _asked(state: AccountState, event: events.FamilyHoldAsked) -> AccountState:
    family = family_of(state)
    ask = Ask(
        event.hold,
        event.link,
        event.payer,
        f"{event.institution}|{event.visit}",
        event.amount_fen,
        event.charges,
        event.event_at,
        event.expires_wall_at,
        event.settlement,
    )
    timers = armed(state.core.timers, "family_hold", ask.hold, event.expires_wall_at, city=False, outside=True)
    family = replace(family, asks=put(family.asks, ask.hold, ask))
    return _with_family(state, family, timers=timers, counters=counted(state.core, "H"))


def _decided(state: AccountState, event: events.FamilyHoldDecided) -> AccountState:
    family = family_of(state)
    timers = disarmed(state.core.timers, event.hold, "family_hold")
    return _with_family(state, replace(family, asks=without(family.asks, event.hold)), timers=timers)


def _placed(state: AccountState, event: events.FamilyHoldPlaced) -> AccountState:
    family = family_of(state)
    hold = FamilyHold(
        event.hold,
        event.link,
        event.institution,
        event.visit,
        event.scene,
        event.agreement,
        event.pack,
        event.amount_fen,
        event.event_at,
    )
    family = replace(family, holds=put(family.holds, hold.hold, hold))
    return _held_more(_with_family(state, family), event.agreement, event.amount_fen)


def _held_more(state: AccountState, agreement: str, change_fen: int) -> AccountState:
    old = state.core.agreements[agreement]
    changed = replace(old, held_fen=old.held_fen + change_fen)
    return with_core(state, agreements=with_agreement(state.core, changed))


def _let_go(state: AccountState, hold_id: str) -> AccountState:
    family = family_of(state)
    hold = family.holds[hold_id]
    state = _with_family(state, replace(family, holds=without(family.holds, hold_id)))
    return _held_more(state, hold.agreement, -hold.amount_fen)


def _voided(state: AccountState, event: events.FamilyHoldVoided) -> AccountState:
    return _let_go(state, event.hold)


def _posted(state: AccountState, event: events.FamilyCreditPosted) -> AccountState:
    """The credit stands as a charge of its own, named by its hold, on a visit that only bills and reversals see."""
    state = _let_go(state, event.hold)
    core, key = state.core, f"{event.institution}|{event.visit}"
    mirror = state.encounters.get(key) or Encounter(
        event.institution, event.visit, event.scene, event.event_at, patient=account_of(event.hold) or ""
    )
    parts = Parts(credit=event.amount_fen)
    charge = Charge(
        event.hold, core.seq + 1, event.event_at, event.pack, event.agreement, "", event.amount_fen, parts
    )  # fmt: skip
    state = with_encounter(state, replace(mirror, charges=put(mirror.charges, charge.id, charge)))
    agreements = with_used(core, event.agreement, event.amount_fen)
    return with_core(state, agreements=agreements, timers=disarmed(core.timers, key, "archive"))


def _reduced(state: AccountState, event: events.FamilyCreditReduced) -> AccountState:
    mirror = state.encounters[f"{event.institution}|{event.visit}"]
    charge = mirror.charges[event.hold]
    returned = replace(charge.returned, credit=charge.returned.credit + event.amount_fen)
    changed = replace(charge, returned=returned)
    state = with_encounter(state, replace(mirror, charges=put(mirror.charges, charge.id, changed)))
    if charge.bill:
        return state
    return with_core(state, agreements=with_used(state.core, charge.agreement, -event.amount_fen))


def _returned(state: AccountState, event: events.FamilyCreditReturned) -> AccountState:
    core = state.core
    payment = Payment(event.payment, "family", event.amount_fen, free_fen=event.amount_fen)
    return with_core(
        state,
        payments=put(core.payments, payment.id, payment),
        refundable_fen=core.refundable_fen + event.amount_fen,
        counters=counted(core, "Y"),
    )


def _bill_offered(state: AccountState, _event: events.FamilyBillOffered) -> AccountState:
    """Nothing here: if it is taken over, the dependent's word reduces it."""
    return state


def _bill_taken(state: AccountState, event: events.FamilyBillTaken) -> AccountState:
    """The credit part of the charges stands on the own line from here on, and waits to be billed."""
    key, core = f"{event.institution}|{event.visit}", state.core
    encounter = state.encounters[key]
    own = {"agreement": event.agreement, "bill": "", "payer": ""}
    charges = {
        id_: replace(charge, **own) if charge.bill in event.holds else charge
        for id_, charge in encounter.charges.items()
    }
    state = with_encounter(state, replace(encounter, charges=charges))
    agreements = with_used(core, event.agreement, event.amount_fen)
    return with_core(state, agreements=agreements, timers=disarmed(core.timers, key, "archive"))


APPLY: Final[Applications] = {
    events.FamilyLinkRequested: _requested,
    events.FamilyLinkOffered: _offered,
    events.FamilyLinked: _linked,
    events.FamilyLinkEnded: _ended,
    events.FamilyUnlinkAsked: _unlink_asked,
    events.FamilyUnlinkRefused: _unlink_refused,
    events.FamilyContractNoted: _contract_noted,
    events.PersonDied: _died,
    events.FamilyHoldAsked: _asked,
    events.FamilyHoldDecided: _decided,
    events.FamilyHoldPlaced: _placed,
    events.FamilyHoldVoided: _voided,
    events.FamilyCreditPosted: _posted,
    events.FamilyCreditReduced: _reduced,
    events.FamilyCreditReturned: _returned,
    events.FamilyBillOffered: _bill_offered,
    events.FamilyBillTaken: _bill_taken,
}

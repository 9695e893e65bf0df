"""Questions about an account's family: who pays, until when, through which contract (domain 9)."""

from typing import Final, Literal, NamedTuple

from hub.domain.ages import is_below
from hub.domain.family_state import Family, Link
from hub.domain.state import Agreement, Core
from hub.policies.pack import CHANNELS_WITH_GATEWAY
from schemas.commands import Channel, Instant
from schemas.ids import account_of

ADULT_YEARS: Final = 18


class Contract(NamedTuple):
    """A channel contract through which somebody repays; both empty for none that the hub may debit."""

    channel: Channel | Literal[""] = ""
    channel_agreement: str = ""
    link: str = ""
    """The family link under which it pays for another person; empty for the person's own."""


def links_of(core: Core) -> dict[str, Link]:
    """Return the account's links by id, ended ones included."""
    return (core.family or Family()).links


def is_deceased(core: Core) -> bool:
    """Return True when the person's death is recorded."""
    return core.family is not None and core.family.died_at > 0


def payer_link(core: Core, at: Instant) -> Link | None:
    """Return the link under which a charge of this event time uses a payer's line, or None.

    Only a person below 18 at that time shares a line; nearly every account is done after the first look.
    """
    if core.family is None or not is_below(core.birth_on, ADULT_YEARS, at):
        return None
    links = core.family.links.values()
    return next((k for k in links if k.relation == "minor" and k.role == "dependent" and k.covers(at)), None)


def paying_contract(agreement: Agreement | None) -> Contract:
    """Return the contract of an agreement through which the hub may debit."""
    if agreement is None or not agreement.debit_consent or agreement.channel_ended:
        return Contract()
    works = agreement.channel in CHANNELS_WITH_GATEWAY
    return Contract(agreement.channel, agreement.channel_agreement) if works else Contract()


def child_link(core: Core) -> Link | None:
    """Return the link of the adult child who repays this person's bills, or None."""
    if core.family is None:
        return None
    links = core.family.links.values()
    return next((k for k in links if k.relation == "adult_child" and k.state == "active" and k.channel), None)


def debit_source(core: Core, agreement: str) -> Contract:
    """Return the contract that a bill's debit goes to: the child's who repays, else that of the bill's agreement."""
    link = child_link(core)
    if link is not None:
        return Contract(link.channel, link.channel_agreement, link.id)
    return paying_contract(core.agreements[agreement])


def mirrored_visit(visit: str, hold: str) -> str:
    """Return the visit's number on the payer's side: unique even where both were treated under one number."""
    return f"{visit}~{(account_of(hold) or '')[:8]}"

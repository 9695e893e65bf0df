"""Through which contract a bill is debited: the person's own, then further ones in the order of consent (domain 7)."""

from typing import NamedTuple

from hub.domain.draft import Draft, Outcome, Refusal
from hub.domain.family import child_link, links_of
from hub.domain.refunds import gateway_channel
from hub.domain.state import Agreement, Bill, Core, Debit
from hub.policies.pack import CHANNELS_WITH_GATEWAY
from schemas.commands import Channel, SetRepaymentSources
from schemas.events import ChannelAgreementEnded, FamilyContractNoted, RepaymentSourceEnded, RepaymentSourcesSet
from schemas.reasons import Reason

SOURCES_MAX = 5


FAMILY, OWN, FURTHER = 0, 1, 2
"""Places of contracts: a grown child who repays comes first, then the person's own, then further ones by consent."""


class Contract(NamedTuple):
    """A contract that may be debited, and its place; `link` is the family link under which it pays."""

    place: int
    channel: Channel
    channel_agreement: str
    link: str = ""


def contracts_of(core: Core, agreement: Agreement) -> list[Contract]:
    """Return the contracts that may be debited, in order; without the person's consent to debits only a child's."""
    contracts: list[Contract] = []
    link = child_link(core)
    if link is not None:
        contracts.append(Contract(FAMILY, gateway_channel(link.channel), link.channel_agreement, link.id))
    if agreement.debit_consent and not agreement.channel_ended:
        contracts.append(Contract(OWN, agreement.channel, agreement.channel_agreement))
    if agreement.debit_consent:
        contracts += [
            Contract(place, source.channel, source.channel_agreement)
            for place, source in enumerate(agreement.sources, FURTHER)
            if not source.ended
        ]
    return [contract for contract in contracts if contract.channel in CHANNELS_WITH_GATEWAY]


def contract_for(draft: Draft, bill: Bill) -> Contract | None:
    """Return the contract that the bill's next debit goes through, or None."""
    contracts = contracts_of(draft.core, draft.core.agreements[bill.agreement])
    return next((contract for contract in contracts if contract.place >= bill.source), None)


def contract_after(draft: Draft, bill: Bill, place: int) -> Contract | None:
    """Return the next contract after one that failed for good, or None: it stays on the line."""
    contracts = contracts_of(draft.core, draft.core.agreements[bill.agreement])
    return next((contract for contract in contracts if contract.place > place), None)


def end_contract(draft: Draft, debit: Debit, cause: str) -> None:
    """Never debit a contract again that the channel calls dead."""
    agreement = draft.bill(debit.bill).agreement
    if debit.link:
        if links_of(draft.core)[debit.link].state == "active":
            draft.emit(FamilyContractNoted(debit.link))
    elif debit.source < FURTHER:
        draft.emit(ChannelAgreementEnded(agreement, debit.channel))
    elif not draft.core.agreements[agreement].sources[debit.source - FURTHER].ended:
        draft.emit(RepaymentSourceEnded(agreement, debit.source - OWN, cause))


def set_repayment_sources(draft: Draft, body: SetRepaymentSources) -> Outcome | Refusal:
    """Keep the person's consent to further sources; the pack says which kinds there are and in which order."""
    agreement = draft.core.agreements.get(body.agreement)
    if agreement is None or agreement.ended_at:
        return Refusal(Reason.AGREEMENT_UNKNOWN, {"agreement": body.agreement})
    if not body.consent_version:
        return Refusal(Reason.CONSENT)
    fault = _fault(draft, agreement, body)
    if fault:
        return Refusal(Reason.SOURCES_INVALID, {"why": fault})
    draft.emit(RepaymentSourcesSet(agreement.id, body.sources, body.consent_version, body.event_at))
    return Outcome("RECORDED", agreement.id)


def _fault(draft: Draft, agreement: Agreement, body: SetRepaymentSources) -> str:
    """Return what is wrong with the list, in words, or nothing."""
    order = draft.policies.packs[agreement.pack].fallbacks.order
    kinds = [source.kind for source in body.sources]
    contracts = [(source.channel, source.channel_agreement) for source in body.sources]
    contracts.append((agreement.channel, agreement.channel_agreement))
    if len(kinds) > SOURCES_MAX:
        return f"more than {SOURCES_MAX} sources"
    if any(kind not in order for kind in kinds):
        return "the pack has no such source"
    if kinds != sorted(kinds, key=order.index):
        return "not in the pack's order"
    if len(set(contracts)) < len(contracts) or any(not name for _, name in contracts):
        return "a contract is missing or named twice"
    if any((source.kind == "family") != bool(source.payer) for source in body.sources):
        return "a family source needs its payer, another has none"
    return ""

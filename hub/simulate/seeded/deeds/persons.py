"""What persons and their score's sources do: sign, leave, consent, pay, pay too much, ask."""

from typing import Final

from hub.domain.family import links_of
from hub.domain.state import Bill, Core
from hub.policies import Pack
from hub.simulate.seeded.citizens import BANKS, CHANNELS, CITY_KEY, PROVIDERS, Citizen
from hub.simulate.seeded.deeds.town import Deciding, To, Town
from schemas.city_time import DAY_MS
from schemas.commands import (
    Body,
    CheckEligibility,
    ConsentedSource,
    Instant,
    NoteAgreementEnd,
    ObserveScore,
    ReceiveFeedMessage,
    RecordRepayment,
    RefundBalance,
    RevokeConsent,
    SetRepaymentSources,
    SignAgreement,
    WithdrawAgreement,
)
from schemas.ids import account_id, message_hash

FEED: Final = account_id(CITY_KEY, "feed", "egret")
_REWARDING: Final = "xiamen-platform-2024"
"""The pack under which steady people sign where it is in force: it counts months on time."""
_COUNTING: Final = "zhongshan-2021"
"""The pack under which careless people sign where it is in force: it counts overdue bills."""


def sign(town: Town, citizen: Citizen, at: Instant) -> Body:
    """Sign, for the first time or again."""
    rng, pack, steady = town.rng, _chosen(town, citizen, at), citizen.habit == "steady"
    return SignAgreement(
        at,
        pack.id,
        rng.choice(BANKS),
        "alipay" if steady else rng.choice(CHANNELS),
        f"contract-{citizen.account[:10]}",
        PROVIDERS,
        "2026-01",
        at + (3650 if steady else rng.choice((40, 365, 3650))) * DAY_MS,
        steady or (citizen.habit != "careless" and town.chance(0.9)),
        citizen.subject,
    )


def _chosen(town: Town, citizen: Citizen, at: Instant) -> Pack:
    packs = town.packs(at)
    wanted = {"steady": _REWARDING, "careless": _COUNTING}.get(citizen.habit)
    return next((pack for pack in packs if pack.id == wanted), None) or town.rng.choice(packs)


def score(town: Town, citizen: Citizen, at: Instant) -> Body:
    """A score of any height under an authorisation; steady people have good ones."""
    rng = town.rng
    provider = "egret" if citizen.habit == "steady" else rng.choice(PROVIDERS)
    cuts = len(town.policies.cut_points(provider))
    citizen.scores += 1
    return ObserveScore(
        provider,
        cuts if citizen.habit == "steady" else min(rng.randrange(2 * cuts + 1), cuts),
        town.policies.cut_points_hash(provider),
        f"score-{citizen.account[:8]}-{citizen.scores}",
        at - rng.randrange(3) * DAY_MS,
        at + 600 * DAY_MS,
        citizen.scores,
        f"authorisation-{provider}",
        at - 30 * DAY_MS,
        at + 700 * DAY_MS,
        ("medical_credit",),
        town.rng.choice(("", "EGRET")) if provider == "egret" else "",
    )


def feed(town: Town, citizen: Citizen, at: Instant) -> To:
    """A message of the score feed: in sequence, now and then with a gap, now and then a heartbeat."""
    sequence = town.feed + (2 if town.chance(0.05) else 1)
    town.feed += sequence == town.feed + 1
    message = score(town, citizen, at) if town.chance(0.8) else None
    name = f"feed-{town.number()}"
    if isinstance(message, ObserveScore):
        return To(FEED, ReceiveFeedMessage("egret", sequence, name, message_hash(name), citizen.account, message))
    return To(FEED, ReceiveFeedMessage("egret", sequence, name, message_hash(name), citizen.account))


def revoke(town: Town, _citizen: Citizen, at: Instant) -> Body:
    """Withdraw the consent to read a score."""
    provider = town.rng.choice(PROVIDERS)
    return RevokeConsent(provider, at, f"authorisation-{provider}")


def withdraw(town: Town, citizen: Citizen, at: Instant) -> Body | None:
    """Leave the agreement in force."""
    agreement = town.core(citizen).agreement
    return WithdrawAgreement(at, agreement) if agreement else None


def consent_to_sources(town: Town, citizen: Citizen, at: Instant) -> Body | None:
    """Consent to further sources, or take the consent back."""
    core = town.core(citizen)
    if not core.agreement:
        return None
    second = ConsentedSource("second_channel", town.rng.choice(("alipay", "unionpay")), f"second-{town.number()}")
    payer = ConsentedSource("family", "alipay", f"payer-{town.number()}", town.rng.choice(town.people).account)
    sources = town.rng.choice(((), (second,), (second, payer), (payer,)))
    return SetRepaymentSources(core.agreement, at, sources, "2026-07")


def contract_ends(town: Town, citizen: Citizen, at: Instant) -> To:
    """The channel says a contract ended: the person's own or a further source, at times one that pays for a parent."""
    citizen = (town.find(_pays_for_parent) if town.chance(0.5) else None) or citizen
    core = town.core(citizen)
    agreement = core.agreements.get(core.agreement)
    contracts = [(source.channel, source.channel_agreement) for source in agreement.sources] if agreement else []
    contracts.append((agreement.channel if agreement else "alipay", f"contract-{citizen.account[:10]}"))
    channel, named = town.rng.choice(contracts)
    return To(citizen.account, NoteAgreementEnd(channel, named, f"end-{town.number()}", at))


def _pays_for_parent(core: Core) -> bool:
    links = links_of(core).values()
    return any((k.relation, k.role, k.state) == ("adult_child", "payer", "active") for k in links)


def repay(town: Town, citizen: Citizen, at: Instant) -> Body | None:
    """Pay part of a bill, all of it, or more; named or not."""
    rng, owing = town.rng, _owing(town, citizen)
    if citizen.habit == "careless":
        return None
    if not owing or town.chance(0.05):
        return RecordRepayment(at, rng.randrange(1, 20_000))
    bill = rng.choice(owing)
    amount = rng.choice((bill.owed_fen, bill.owed_fen, max(1, bill.owed_fen // 2), bill.owed_fen + 500))
    return RecordRepayment(at, amount, bill.id if town.chance(0.5) else "", receipt_no=f"Q{town.number()}")


def pay_up(town: Town, citizen: Citizen, at: Instant) -> Body | None:
    """Steady people pay the oldest bill, careless ones only what is overdue."""
    owing = [bill for bill in _owing(town, citizen) if citizen.habit == "steady" or bill.overdue_since]
    return RecordRepayment(at, owing[0].owed_fen, owing[0].id) if owing and citizen.habit != "any" else None


def _owing(town: Town, citizen: Citizen) -> list[Bill]:
    return [bill for bill in town.core(citizen).bills.values() if bill.owed_fen > 0]


def refund_balance(town: Town, citizen: Citizen, at: Instant) -> Body | None:
    """Ask for what was paid too much."""
    left = town.core(citizen).refundable_fen
    return RefundBalance(at, left + town.rng.choice((0, 0, 1))) if left else None


def ask(town: Town, citizen: Citizen, at: Instant) -> Body:
    """The kiosk's question."""
    return CheckEligibility(town.institution(citizen, at), "outpatient", at)


WEIGHTS: Final[dict[Deciding, int]] = {
    sign: 5,
    score: 6,
    feed: 3,
    revoke: 1,
    withdraw: 2,
    consent_to_sources: 4,
    contract_ends: 3,
    repay: 12,
    pay_up: 12,
    refund_balance: 2,
    ask: 3,
}

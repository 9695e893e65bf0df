"""What a pack cannot mean is refused at load, with the clause named (domain 3)."""

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from typing import Final

from hub.policies.clauses import Debit, Reduction, Repayment, Tier
from hub.policies.errors import PackError
from hub.policies.lpr import LprTable, shipped_lpr
from hub.policies.pack import Pack
from schemas.city_time import city_date

FREE_DAYS_MIN: Final = 42
HOURS_A_DAY: Final = 24
CAP_MAX: Final = (3, 2)
"""1.5 times the LPR, as numerator and denominator."""

Faults = Iterator[PackError]


def check_pack(pack: Pack, lpr: LprTable | None = None) -> None:
    """Raise the first fault of a pack that is read but cannot be meant."""
    for fault in faults_of(pack, lpr or shipped_lpr()):
        raise fault


def faults_of(pack: Pack, lpr: LprTable) -> Faults:
    """Yield everything about a pack that cannot be meant, each fault with its clause."""
    if pack.valid_to <= pack.valid_from:
        yield PackError("PACK_DATES", pack.id, "valid_to", "it is not after valid_from")
    yield from _tier_faults(pack)
    yield from _clock_faults(pack)
    yield from _bank_faults(pack, lpr)
    yield from _reduction_faults(pack)
    yield from _standing_faults(pack)
    yield from _reward_faults(pack)
    yield from _enrolment_faults(pack)
    yield from _repeated(pack)


def _tier_faults(pack: Pack) -> Faults:
    for number, tier in enumerate(pack.tiers):
        if tier.high < tier.low:
            yield PackError("PACK_TIER_EMPTY", pack.id, f"tiers[{number}]", f"{tier.low} to {tier.high} is empty")
        for other in range(number):
            earlier = pack.tiers[other]
            if earlier.provider == tier.provider and tier.low <= earlier.high and earlier.low <= tier.high:
                spans = f"{tier.low} to {tier.high} overlaps tiers[{other}], {earlier.low} to {earlier.high}"
                yield PackError("PACK_TIERS_OVERLAP", pack.id, f"tiers[{number}]", spans)
    for provider in pack.providers:
        yield from _gaps(pack, [tier for tier in pack.tiers if tier.provider == provider])


def _gaps(pack: Pack, tiers: Sequence[Tier]) -> Faults:
    """A score between two tiers of one provider would give nothing although lower ones do."""
    for below, above in pairwise(sorted(tiers, key=lambda tier: tier.low)):
        if above.low > below.high + 1:
            clause = f"tiers[{pack.tiers.index(above)}]"
            text = f"nothing covers {below.high + 1} to {above.low - 1}"
            yield PackError("PACK_TIERS_GAP", pack.id, clause, text)


def _clock_faults(pack: Pack) -> Faults:
    repayment, debit = pack.repayment, pack.debit
    if repayment.kind == "due_date" and repayment.days < FREE_DAYS_MIN:
        text = f"{repayment.days} free days are fewer than {FREE_DAYS_MIN}"
        yield PackError("PACK_FREE_DAYS", pack.id, "repayment.free_days", text)
    if debit is not None:
        yield from _debit_faults(pack, repayment, debit)
        last = pack.retry.last_days_before_term
        if last and last >= repayment.days:
            text = f"a last try {last} days before the term would come before the bill"
            yield PackError("PACK_CLAUSES_DISAGREE", pack.id, "retry.last_days_before_term", text)


def _debit_faults(pack: Pack, repayment: Repayment, debit: Debit) -> Faults:
    if debit.on == "due_date":
        late = repayment.kind != "due_date" or debit.hour > repayment.hour
    else:
        if repayment.kind == "due_date" and debit.hours < repayment.days * HOURS_A_DAY:
            yield PackError("PACK_FREE_DAYS", pack.id, "debit.hours", "the debit would cut the free days short")
        late = debit.hours > shortest_term_hours(repayment)
    if late:
        yield PackError("PACK_DEBIT_AFTER_TERM", pack.id, "debit", "the debit would come after the repayment term")


def shortest_term_hours(repayment: Repayment) -> int:
    """Return the fewest hours between a close and the end of its term, whatever hour of the day it closes."""
    whole_days = repayment.days - 1 if repayment.kind == "day_hour" else repayment.days
    return whole_days * HOURS_A_DAY + (repayment.hour if repayment.kind in ("day_hour", "due_date") else 0)


def _bank_faults(pack: Pack, lpr: LprTable) -> Faults:
    """Who lends says how, with the free days of the term and a cap at or below 1.5 times the LPR."""
    bank = pack.bank
    if pack.funding.by == "bank" and not bank.citation.clause:
        yield PackError("PACK_CLAUSES_DISAGREE", pack.id, "funding.by", "a bank lends, and no [bank] says how")
    if bank.cap_numerator * CAP_MAX[1] > CAP_MAX[0] * bank.cap_denominator:
        text = f"{bank.cap_numerator}/{bank.cap_denominator} of the LPR is above 3/2"
        yield PackError("PACK_FEE_ABOVE_CAP", pack.id, "bank.cap_numerator", text)
    if bank.citation.clause and pack.repayment.kind == "due_date" and bank.free_days != pack.repayment.days:
        text = f"{bank.free_days} free days, and {pack.repayment.days} in repayment.free_days"
        yield PackError("PACK_CLAUSES_DISAGREE", pack.id, "bank.free_days", text)
    for number, offer in enumerate(pack.offers):
        if offer.statement_day and pack.repayment.kind != "due_date":
            clause = f"offers[{number}].statement_day"
            yield PackError("PACK_CLAUSES_DISAGREE", pack.id, clause, "a statement needs a due date")
    yield from _rate_faults(pack, lpr)


def _rate_faults(pack: Pack, lpr: LprTable) -> Faults:
    """The rates keep to the LPR of the day the pack comes into force; on later days the cap itself binds (domain 10).

    A pack that is in force is not refused because the LPR fell: its id has one content for ever.
    """
    bank, yearly_bp = pack.bank, pack.bank.penalty_bp + pack.bank.interest_bp
    if not yearly_bp:
        return
    begin = city_date(pack.valid_from)
    if begin.toordinal() < lpr.rates[0].from_day:
        yield PackError("PACK_DATES", pack.id, "valid_from", "the table of the LPR begins later, so no cap is known")
        return
    rate = lpr.rate_on(begin)
    if yearly_bp * bank.cap_denominator > rate * bank.cap_numerator:
        cap = f"{bank.cap_numerator}/{bank.cap_denominator} of {rate} bp"
        text = f"penalty and interest of {yearly_bp} bp together are above the cap, {cap} (one-year LPR of {begin})"
        yield PackError("PACK_FEE_ABOVE_CAP", pack.id, "bank.penalty_bp", text)


def _reduction_faults(pack: Pack) -> Faults:
    for number, band in enumerate(pack.reductions):
        if band.days_to < band.days_from or band.fen_to < band.fen_from:
            yield PackError("PACK_REDUCTIONS_OVERLAP", pack.id, f"reductions[{number}]", "the band is empty")
    for (one, first), (other, second) in combinations(enumerate(pack.reductions), 2):
        if _meet(first, second):
            text = f"it overlaps reductions[{one}] in days and amount"
            yield PackError("PACK_REDUCTIONS_OVERLAP", pack.id, f"reductions[{other}]", text)


def _meet(first: Reduction, second: Reduction) -> bool:
    days = first.days_from <= second.days_to and second.days_from <= first.days_to
    return days and first.fen_from <= second.fen_to and second.fen_from <= first.fen_to


def _standing_faults(pack: Pack) -> Faults:
    blacklist = pack.blacklist
    if blacklist.citation.clause:
        if not (blacklist.after_total or blacklist.after_in_row):
            yield PackError("PACK_BLACKLIST", pack.id, "blacklist", "it must say how many are too many")
        if not pack.lists.black:
            yield PackError("PACK_CLAUSES_DISAGREE", pack.id, "blacklist", "and [lists] keeps no black list")
    outside = sorted(pack.holds.scenes - pack.scenes)
    if outside:
        text = f"not covered: {', '.join(outside)}"
        yield PackError("PACK_CLAUSES_DISAGREE", pack.id, "holds.scenes", text)


def _reward_faults(pack: Pack) -> Faults:
    bands = pack.reward.points
    if pack.reward.months_on_time and not bands:
        yield PackError("PACK_POINTS", pack.id, "reward.points", "a reward needs at least one band")
    if bands and bands[0][:2] != (0, 0):
        yield PackError("PACK_POINTS", pack.id, "reward.points[0]", "who repaid least is left out")
    for number, (below, above) in enumerate(pairwise(bands), start=1):
        rises = above.repaid_from_fen >= below.repaid_from_fen and above.repayments_from >= below.repayments_from
        if not rises or above[:2] == below[:2] or above.points <= below.points:
            yield PackError("PACK_POINTS", pack.id, f"reward.points[{number}]", "it does not rise above the one before")
    step = pack.step_up
    if step.per_repayment_fen and step.maximum_fen < max(tier.limit_fen for tier in pack.tiers):
        yield PackError("PACK_STEP_UP", pack.id, "step_up.maximum_fen", "a tier already gives more")


def _enrolment_faults(pack: Pack) -> Faults:
    enrolment = pack.enrolment
    if enrolment.who == "everyone" and pack.unscored is None:
        text = 'everyone may sign, and no tier has provider = "none"'
        yield PackError("PACK_TIERS_GAP", pack.id, "enrolment.who", text)
    if not enrolment.insured_only and (enrolment.insurance_link or enrolment.insurance_credit_check):
        text = "who is not insured has no card to link and no insurer to ask"
        yield PackError("PACK_CLAUSES_DISAGREE", pack.id, "enrolment.insured_only", text)


def _repeated(pack: Pack) -> Faults:
    for clause, names in (
        ("offers", [offer.bank for offer in pack.offers]),
        ("privileges", [privilege.code for privilege in pack.privileges]),
        ("relief", [relief.kind for relief in pack.relief]),
    ):
        for number, name in enumerate(names):
            if name in names[:number]:
                yield PackError("PACK_DUPLICATE", pack.id, f"{clause}[{number}]", f"{name} stands there twice")

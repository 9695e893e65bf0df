"""What a pack cannot mean is refused at load, with the clause named (domain 3)."""

from collections.abc import Mapping
from typing import Any, Final

from hub.policies.errors import PackError
from hub.policies.pack import Debit, Pack, Repayment

FREE_DAYS_MIN: Final = 42
HOURS_A_DAY: Final = 24
LPR_MULTIPLE_MAX_PERCENT: Final = 150


def check_pack(pack: Pack, fee: Mapping[str, Any] | None) -> None:
    """Raise PackError for overlapping tiers, a debit after the term, shortened free days or a fee above its cap."""
    _check_tiers(pack)
    _check_clocks(pack)
    _check_fee(pack, fee)
    if pack.valid_to <= pack.valid_from:
        raise PackError("PACK_DATES", pack.id, "valid_to", "it is not after valid_from")


def _check_tiers(pack: Pack) -> None:
    for number, tier in enumerate(pack.tiers):
        if tier.high < tier.low:
            raise PackError("PACK_TIER_EMPTY", pack.id, f"tiers[{number}]", f"{tier.low} to {tier.high} is empty")
        for other in range(number):
            earlier = pack.tiers[other]
            if earlier.provider == tier.provider and tier.low <= earlier.high and earlier.low <= tier.high:
                raise PackError("PACK_TIERS_OVERLAP", pack.id, f"tiers[{number}]", f"it overlaps tiers[{other}]")


def _check_clocks(pack: Pack) -> None:
    repayment, debit = pack.repayment, pack.debit
    hours = (("repayment.hour", repayment.hour), ("retry.hour", pack.retry.hour))
    for clause, hour in (*hours, ("debit.hour", debit.hour if debit else 0)):
        if hour >= HOURS_A_DAY:
            raise PackError("PACK_CLAUSE", pack.id, clause, f"{hour} is no hour of the day")
    if repayment.kind == "due_date" and repayment.days < FREE_DAYS_MIN:
        text = f"{repayment.days} free days are fewer than {FREE_DAYS_MIN}"
        raise PackError("PACK_FREE_DAYS", pack.id, "repayment.free_days", text)
    if debit is not None:
        _check_debit(pack, repayment, debit)


def _check_debit(pack: Pack, repayment: Repayment, debit: Debit) -> None:
    days_in_hours = repayment.days * HOURS_A_DAY
    if debit.on == "after_close":
        if repayment.kind == "due_date" and debit.hours < days_in_hours:
            raise PackError("PACK_FREE_DAYS", pack.id, "debit.hours", "the debit would cut the free days short")
        late = debit.hours > days_in_hours
    else:
        late = repayment.kind != "due_date" or debit.hour > repayment.hour
    if late:
        raise PackError("PACK_DEBIT_AFTER_TERM", pack.id, "debit", "the debit would come after the repayment term")


def _check_fee(pack: Pack, fee: Mapping[str, Any] | None) -> None:
    """Penalty and interest are capped at a multiple of the loan prime rate; rates in basis points."""
    if fee is None:
        return
    for name in ("annual_rate_bp", "lpr_bp", "lpr_multiple_percent"):
        if not isinstance(fee.get(name), int) or fee[name] < 0:
            raise PackError("PACK_NEGATIVE", pack.id, f"fee.{name}", "a whole number, at least 0, is needed")
    cap_bp = fee["lpr_bp"] * min(fee["lpr_multiple_percent"], LPR_MULTIPLE_MAX_PERCENT) // 100
    if fee["annual_rate_bp"] > cap_bp:
        text = f"the annual rate of {fee['annual_rate_bp']} bp is above the cap of {cap_bp} bp (1.5 × LPR)"
        raise PackError("PACK_FEE_ABOVE_CAP", pack.id, "fee.annual_rate_bp", text)

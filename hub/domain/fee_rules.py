"""What a late payer costs: nothing in the free days, then penalty and interest day by day, within the cap (domain 10).

`fee + interest ≤ floor(principal × cap × LPR1Y × days / 365)`, rounded down once, the LPR of each day its own. The sums
are kept as whole numerators, so a principal that was partly repaid and a rate that changed cost no accuracy.
"""

from typing import Final, NamedTuple

from hub.domain.clocks import DAY_MS, city_midnight
from hub.policies.clauses import Bank
from hub.policies.lpr import BASIS_POINTS, DAYS_A_YEAR, LprTable
from schemas.city_time import city_date
from schemas.commands import Instant

_YEAR: Final = BASIS_POINTS * DAYS_A_YEAR


class Sums(NamedTuple):
    """Penalty plus interest by the pack's own rates, and the cap, both as numerators over a year of basis points."""

    own: int = 0
    cap: int = 0


def day_adds(bank: Bank, principal_fen: int, lpr_bp: int) -> Sums:
    """Return what one chargeable day adds; the cap is over `cap_denominator` years of basis points."""
    own = principal_fen * (bank.penalty_bp + bank.interest_bp)
    return Sums(own, principal_fen * bank.cap_numerator * lpr_bp)


def fee_fen(bank: Bank, sums: Sums) -> int:
    """Return the fee so far in fen: the pack's own rates, but never above the cap, each rounded down once."""
    return min(sums.own // _YEAR, sums.cap // (_YEAR * bank.cap_denominator))


def fee_from(bank: Bank, closed_at: Instant, due_at: Instant) -> Instant:
    """Return when the first chargeable day of a bill is over, 0 where nobody may charge anything.

    It is the day after the free ones, and never a day on which the term still runs.
    """
    if not charges_fees(bank):
        return 0
    return max(city_midnight(closed_at) + (bank.free_days + 2) * DAY_MS, city_midnight(due_at) + DAY_MS)


def charges_fees(bank: Bank) -> bool:
    """Return True where the pack lets anybody charge anything."""
    return bank.free_days > 0 and bank.penalty_bp + bank.interest_bp > 0


def rate_of(lpr: LprTable, ended_at: Instant) -> int:
    """Return the LPR of the city day that ended at this midnight, in basis points."""
    return lpr.rate_on(city_date(ended_at - 1))

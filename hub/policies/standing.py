"""What a pack makes of a person's record: reductions, bars, points, steps and entitlements (domain 8)."""

from hub.policies.clauses import Presets, Privilege, Reduction, Reward
from hub.policies.pack import Pack


def reduction_for(pack: Pack, days: int, arrears_fen: int) -> Reduction | None:
    """Return the band of so many days and so much in arrears, or None where the line stays as it is."""
    return next(
        (
            band
            for band in pack.reductions
            if band.days_from <= days <= band.days_to and band.fen_from <= arrears_fen <= band.fen_to
        ),
        None,
    )


def reduced_fen(limit_fen: int, cut_percent: int) -> int:
    """Return a line after a cut, rounded down to fen."""
    return limit_fen * (100 - cut_percent) // 100


def is_barred(pack: Pack, overdue_in_total: int, overdue_in_row: int) -> bool:
    """Return True when these counters bar a person: MORE overdue bills than the pack's count."""
    rule = pack.blacklist
    total = rule.after_total and overdue_in_total > rule.after_total
    return bool(total or (rule.after_in_row and overdue_in_row > rule.after_in_row))


def points_for(reward: Reward, repaid_fen: int, repayments: int) -> int:
    """Return the points of the highest band whose amount and frequency are both reached; 0 without a reward."""
    reached = [b.points for b in reward.points if repaid_fen >= b.repaid_from_fen and repayments >= b.repayments_from]
    return max(reached, default=0)


def stepped_up_fen(pack: Pack, limit_fen: int) -> int:
    """Return a line after one more repayment on time; a line already at or above the maximum stays."""
    step = pack.step_up
    return max(limit_fen, min(limit_fen + step.per_repayment_fen, step.maximum_fen))


def privileges_of(pack: Pack, score: int, months_on_time: int) -> tuple[Privilege, ...]:
    """Return the entitlements of a person with this Egret score (or the lowest of its band) and record."""
    return tuple(p for p in pack.privileges if score >= p.min_score and months_on_time >= p.months_on_time)


def deposit_waived_fen(pack: Pack, score: int, deposit_fen: int) -> int:
    """Return how much of a deposit is waived for a person with this Egret score."""
    rule = pack.deposit
    if not rule.waived or score < rule.min_score:
        return 0
    return min(deposit_fen, rule.up_to_fen) if rule.up_to_fen else deposit_fen


def item_class(presets: Presets, item_code: str) -> str:
    """Return the preset class an item belongs to, the longest one its code begins with; empty for none."""
    return next((name for name, _ in presets.per_item_class_fen if item_code.startswith(name)), "")

"""Months on time and what they earn: points at the score's source (domain 8, reward).

A month is on time when at least one bill was repaid on time in it and none became overdue; so many of them in a row
earn the pack's points once, counted when the last of them is over.
"""

from collections.abc import Sequence
from datetime import date

from hub.domain.draft import Draft, Outcome
from hub.domain.evolve.standing import standing_of
from hub.domain.feedback import tell_score
from hub.domain.standing_state import Month, Standing
from hub.policies import Pack
from hub.policies.standing import points_for
from schemas.city_time import city_date, day_start
from schemas.commands import Instant
from schemas.events import RewardPlanned


def city_month(at: Instant) -> int:
    """Return the city month of an instant, counted from January of the year 0."""
    day = city_date(at)
    return day.year * 12 + day.month - 1


def month_start(month: int) -> Instant:
    """Return the first instant of a city month."""
    return day_start(date(month // 12, month % 12 + 1, 1))


def months_in_row(standing: Standing | None, month: int) -> int:
    """Return how many months in a row were on time up to `month`, which itself need not have a repayment yet."""
    table = {each.month: each for each in standing.months} if standing else {}
    if month in table and table[month].late:
        return 0
    count, at = 0, month if month in table else month - 1
    while at in table and table[at].repayments and not table[at].late:
        count, at = count + 1, at - 1
    return count


def rewarded_months(standing: Standing, wanted: int) -> Sequence[Month]:
    """Return the first so many months in a row on time that no reward has counted yet, or none."""
    run: list[Month] = []
    for each in standing.months:
        if each.month <= standing.rewarded_month:
            continue
        if run and each.month != run[-1].month + 1:
            run = []
        run = [*run, each] if each.repayments and not each.late else []
        if len(run) == wanted:
            return run
    return ()


def plan_reward(draft: Draft, pack: Pack) -> None:
    """Give the reward that is earned, or plan it for the end of the month that completes it."""
    wanted = pack.reward.months_on_time
    run = rewarded_months(standing_of(draft.core), wanted) if wanted else ()
    if not run:
        return
    if run[-1].month < city_month(draft.now.city):
        _give(draft, pack, run)
    elif "reward|" not in draft.core.timers:
        draft.emit(RewardPlanned(month_start(run[-1].month + 1)))


def reward_due(draft: Draft, _subject: str) -> Outcome:
    """Give the reward at the month's end, if its last days did not spoil it."""
    agreements = list(draft.core.agreements.values())
    agreement = draft.agreement() or (agreements[-1] if agreements else None)
    if agreement is not None:
        plan_reward(draft, draft.policies.packs[agreement.pack])
    return Outcome("TIMER")


def _give(draft: Draft, pack: Pack, run: Sequence[Month]) -> None:
    points = points_for(pack.reward, sum(m.repaid_fen for m in run), sum(m.repayments for m in run))
    if points:
        tell_score(draft, "reward", points=points, month=run[-1].month)

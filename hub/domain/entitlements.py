"""What a person's score and record entitle them to: the pack's privileges and the waived deposit (domain 8)."""

from typing import NamedTuple

from hub.domain.rewards import city_month, months_in_row
from hub.domain.state import Core
from hub.domain.waivers import waives
from hub.policies import Pack, Policies
from hub.policies.standing import privileges_of
from schemas.commands import Instant


class Entitled(NamedTuple):
    """The codes of the privileges, and whether a deposit is waived up to the pack's amount (0: any)."""

    privileges: tuple[str, ...] = ()
    deposit_waived: bool = False
    deposit_up_to_fen: int = 0


def entitled(core: Core, policies: Policies, at: Instant) -> Entitled:
    """Return what the person is entitled to now; nothing without an agreement in force, or while barred or suspended.

    A score counts by the lowest value of its band.
    """
    agreement = core.agreements.get(core.agreement)
    if agreement is None or core.barred or core.suspended:
        return Entitled()
    pack = policies.packs[agreement.pack]
    if not pack.privileges and not pack.deposit.waived and not pack.lists.waives:
        return Entitled()
    score = _egret(core, policies, at)
    months = months_in_row(core.standing, city_month(at))
    codes = tuple(privilege.code for privilege in privileges_of(pack, score, months))
    if waives(core, pack, "deposit"):
        return Entitled(codes, deposit_waived=True)
    return Entitled(codes, *_deposit(pack, score))


def _deposit(pack: Pack, score: int) -> tuple[bool, int]:
    rule = pack.deposit
    waived = rule.waived and score >= rule.min_score
    return waived, rule.up_to_fen if waived else 0


def _egret(core: Core, policies: Policies, at: Instant) -> int:
    """Return the lowest Egret score of the person's band, 0 where none may be read."""
    agreement, score = core.agreements.get(core.agreement), core.scores.get("egret")
    if agreement is None or score is None or "egret" not in agreement.score_consents or at > score.valid_until:
        return 0
    return policies.lowest_of(score.band, score.cut_points_hash)

"""Planted bugs: each is found by the seeded city, named by a broken invariant, and told in a few steps."""

import pytest
from msgspec.structs import replace

from hub.domain import auto_debit, deduction, family_holds, holds, journal, reversals
from hub.domain.draft import Outcome
from hub.domain.evolve import APPLY
from hub.domain.state import Parts
from hub.policies import load_policies
from hub.simulate.seeded import shortened, simulate
from schemas import events
from schemas.commands import PostFamilyHold

POLICIES = load_policies()


def too_much_credit(monkeypatch):
    """The line gives one fen more than is free."""
    honest = deduction.credit_room
    monkeypatch.setattr(deduction, "credit_room", lambda *case: replace(honest(*case), fen=honest(*case).fen + 1))


def returned_twice(monkeypatch):
    """A reversal forgets what went back before."""
    honest = reversals.plan_return
    monkeypatch.setattr(reversals, "plan_return", lambda c, fen: honest(replace(c, returned=Parts()), fen))


def two_live_debits(monkeypatch):
    """A debit begins although one is under way."""
    honest = auto_debit.may_debit
    monkeypatch.setattr(auto_debit, "may_debit", lambda d, bill: honest(d, replace(bill, debiting=False)))
    monkeypatch.setattr(auto_debit, "retry_due", auto_debit.debit_due)
    monkeypatch.setitem(deciding()._FIRE_BY_ID, "debit_retry", auto_debit.debit_due)


def credit_to_the_suspended(monkeypatch):
    """An overdue person still gets credit."""
    honest = deduction._bar

    def lenient(case, agreement):
        core = replace(case.state.core, suspended=False)
        return honest(replace(case, state=replace(case.state, core=core)), agreement)

    monkeypatch.setattr(deduction, "_bar", lenient)


def wrong_pocket(monkeypatch):
    """Money paid in advance is posted to another institution's account."""
    honest = journal.POST[events.PrepaymentDeposited]
    wrong = lambda state, event: honest(state, replace(event, institution="ELSEWHERE"))  # noqa: E731
    monkeypatch.setitem(journal.POST, events.PrepaymentDeposited, wrong)


def hold_freed_twice(monkeypatch):
    """What is held of a line is freed once more when a closed hold is voided."""
    monkeypatch.setattr(holds, "release", released_again)


def released_again(draft, hold_id, cause):
    """Emit a release whether the hold is closed or not."""
    draft.emit(events.HoldReleased(hold_id, draft.core.holds[hold_id].amount_fen, cause))


def orphaned_family_hold(monkeypatch):
    """A payer's account forgets to let go of what the dependent did not need."""
    honest = family_holds.post_family_hold
    forgetful = lambda draft, body: honest(draft, body) if body.amount_fen else Outcome("RECORDED", body.hold)  # noqa: E731
    monkeypatch.setitem(deciding()._RELAYED, PostFamilyHold, forgetful)
    monkeypatch.setitem(deciding()._DECIDE, PostFamilyHold, forgetful)


def relief_not_taken_off(monkeypatch):
    """Relief is paid to the institution and the person owes it all the same."""
    honest = APPLY[events.ReliefPaid]

    def forgetful(state, event):
        after = honest(state, event)
        return replace(after, core=replace(after.core, bills=state.core.bills))

    monkeypatch.setitem(APPLY, events.ReliefPaid, forgetful)


def deciding():
    """Return the module that fires timers."""
    import hub.domain.decide as module

    return module


PLANTED = [
    too_much_credit,
    returned_twice,
    two_live_debits,
    credit_to_the_suspended,
    wrong_pocket,
    hold_freed_twice,
    orphaned_family_hold,
    relief_not_taken_off,
]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("plant", PLANTED)
def test_a_planted_bug_is_found_and_made_short(plant, monkeypatch):
    """The simulator names a broken invariant and a script of at most twenty deeds that breaks it again."""
    plant(monkeypatch)
    runs = ((seed, simulate(seed, 1_500, POLICIES, people=10)) for seed in range(1, 12))
    seed, told = next((seed, told) for seed, told in runs if told.fault is not None)
    assert told.fault.number or "was not paid" in told.fault.text, told.fault
    short = shortened(seed, told, POLICIES)
    assert short.fault is not None
    assert short.fault.number == told.fault.number
    assert len(short.script) <= 20, [deed.command.body for deed in short.script]

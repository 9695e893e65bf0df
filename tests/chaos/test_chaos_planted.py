"""`make chaos`: faults planted in the running roles; the oracle must speak, else its silence elsewhere means nothing.

One transactional id for two lanes and the late call of a woken courier are planted in-process only: the first never
lets the hub become ready, the second harms nobody as long as gateways know an order number again.
"""

from pathlib import Path

import pytest
from faults import kill, lost_answers, rest
from harness import Plan, perform
from page import note_planted

pytestmark = [pytest.mark.chaos, pytest.mark.matrix, pytest.mark.timeout(900)]
_STREAMS = (kill("streams", aimed=False),)
_WORDS = {
    "watermark_lost": (_STREAMS, "has 0 outcomes"),
    "send_not_awaited": ((), "has 0 outcomes"),
    "timer_fired_twice": ((rest(30), kill("streams", aimed=False), rest(10)), "fired"),
    "timer_lost_on_restore": ((rest(20), kill("streams", aimed=False), rest(25)), "no debit"),
    "projector_off_by_one": ((kill("projector", aimed=False),), "the books lack"),
    "new_number_on_unknown": ((lost_answers(0.9, 200),), "although"),
}


@pytest.mark.parametrize("plant", _WORDS)
async def test_a_planted_fault_is_found(plant: str, tmp_path: Path):
    """The whole hub runs with the fault; the oracle's complaints name what it did."""
    faults, word = _WORDS[plant]
    plan = Plan(plant, faults, {}, seed=21, plant=plant, load_seconds=45, settle_seconds=15)
    run = await perform(plan, tmp_path)
    said = [text for text in run.wrong if word in text and not text.startswith("missing")]
    assert said, run.wrong[:5]
    note_planted(run, said[0])

"""Three short runs of the whole hub as real processes: nothing is lost, nothing doubled, judged from outside."""

from pathlib import Path

import pytest
from faults import LANE_SECTIONS, kill, pause
from harness import Plan, perform

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]
_STRETCH = {"lane_after_send_before_offset": 40, "lane_after_offset_before_commit": 40}


async def test_a_lane_worker_is_killed_twice_inside_its_transactions(tmp_path: Path):
    """`kill -9` inside open transactions: records are aborted, and every message has its one outcome."""
    plan = Plan("lane killed", (kill("streams", times=2),), _STRETCH, seed=11, on_lanes=True, sections=LANE_SECTIONS)
    run = await perform(plan, tmp_path)
    assert (run.faults_missed, run.wrong) == ([], [])


async def test_a_lane_worker_is_paused_beyond_its_session_and_transaction_time_outs(tmp_path: Path):
    """A worker sleeps inside a transaction while another takes its partitions over, and wakes: it is fenced."""
    faults = (pause("streams", 13, successor=True),)
    plan = Plan("lane paused", faults, _STRETCH, seed=12, on_lanes=True, sections=LANE_SECTIONS)
    run = await perform(plan, tmp_path)
    assert (run.faults_missed, run.wrong) == ([], [])


async def test_the_courier_is_killed_between_a_gateways_success_and_the_result(tmp_path: Path):
    """The gateway has moved the money, nobody has noted it: the same number asks again and the money moved once."""
    stretch, sections = {"courier_after_call": 700}, ("courier_after_call",)
    plan = Plan("courier killed", (kill("courier", times=3),), stretch, seed=13, sections=sections)
    run = await perform(plan, tmp_path)
    assert (run.faults_missed, run.wrong) == ([], [])
    assert sum(gateway["moved_count"] for gateway in run.evidence.gateways.values()) > 0

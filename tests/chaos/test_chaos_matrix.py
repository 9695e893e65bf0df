"""`make chaos`: every fault of the list; each run is a row of docs/chaos.md.

`MEDCREDIT_TEST_CHAOS_SEEDS` names the seeds, separated by blanks.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from faults import (
    LANE_SECTIONS,
    joins,
    kill,
    kill_opening,
    lost_answers,
    outage,
    pause,
    pause_opening,
    rolling,
    terminate,
)
from harness import Plan, perform
from page import note_run
from repayments import repaid_meanwhile

pytestmark = [pytest.mark.chaos, pytest.mark.matrix, pytest.mark.timeout(900)]
_SEEDS = [int(seed) for seed in os.environ.get("MEDCREDIT_TEST_CHAOS_SEEDS", "1").split()]
_LANES = {"lane_after_send_before_offset": 40, "lane_after_offset_before_commit": 40}
_OPENING = {"lane_before_open_fence": 300, "lane_before_open_restore": 300}
_COURIER = {"courier_before_call": 100, "courier_after_call": 500, "courier_before_commit": 100}
_RELAYS = {"courier_after_relay": 60}
_BOOKS = {"projector_before_commit": 150, "projector_after_commit": 150}
_VIEWS = {"views_after_rows": 200, "views_after_progress": 200}
_ROLES = ("streams", "courier", "projector", "views", "edge", "web")

PLANS = (
    Plan("kill -9 lanes", (kill("streams", times=3),), _LANES, on_lanes=True, sections=LANE_SECTIONS),
    Plan("kill -9 lanes while opening", (kill_opening("streams", 2),), _OPENING, sections=tuple(_OPENING)),
    Plan("SIGTERM lanes", (terminate("streams"), terminate("streams")), _LANES, sections=LANE_SECTIONS),
    Plan("pause lanes", (pause("streams", 14, successor=False),), _LANES, on_lanes=True, sections=LANE_SECTIONS),
    Plan("pause, successor", (pause("streams", 14, successor=True),), _LANES, on_lanes=True, sections=LANE_SECTIONS),
    Plan("pause lanes while opening", (pause_opening("streams", 14),), _OPENING, sections=tuple(_OPENING)),
    Plan("second lane worker", (joins("streams", 12), joins("streams", 6)), {}),
    Plan("kill -9 courier", (kill("courier", times=4),), _COURIER, sections=tuple(_COURIER)),
    Plan("kill -9 courier, relays", (kill("courier", times=3),), _RELAYS, sections=tuple(_RELAYS)),
    Plan("SIGTERM courier", (terminate("courier"), terminate("courier")), _COURIER, sections=tuple(_COURIER)),
    Plan("pause courier", (pause("courier", 14, successor=True),), _COURIER, sections=tuple(_COURIER)),
    Plan("answers lost after success", (lost_answers(0.5, 40),), {}, load_seconds=50),
    Plan("kill -9 projector", (kill("projector", times=4),), _BOOKS, sections=tuple(_BOOKS)),
    Plan("pause projector", (pause("projector", 14, successor=True),), _BOOKS, sections=tuple(_BOOKS)),
    Plan("kill -9 edge", (kill("edge", aimed=False), kill("edge", aimed=False), terminate("edge", aimed=False)), {}),
    Plan("kill -9 views and web", (kill("views", times=2), kill("web", aimed=False)), _VIEWS, sections=tuple(_VIEWS)),
    Plan("pause views", (pause("views", 14, successor=True),), _VIEWS, sections=tuple(_VIEWS)),
    Plan("broker killed", (kill("kafka", aimed=False),), _LANES),
    Plan("PostgreSQL killed", (kill("postgres", aimed=False), kill("postgres", aimed=False)), _BOOKS),
    Plan("rolling restart", (rolling(*_ROLES),), _LANES, load_seconds=40),
    Plan("outage across due instants", (repaid_meanwhile(outage("streams", 12)),), {}, load_seconds=45),
)


@pytest.mark.parametrize("seed", _SEEDS)
@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
async def test_nothing_is_lost_and_nothing_doubled(plan: Plan, seed: int, tmp_path: Path):
    """The oracle is silent about the run, and the run counts."""
    run = await perform(replace(plan, seed=seed), tmp_path)
    note_run(run)
    assert (run.faults_missed, run.wrong) == ([], [])

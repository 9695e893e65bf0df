"""When a lane's batch is large enough: by outcomes, bytes, and the processor's time, never by time merely passed."""

import time
from dataclasses import replace

from domain_world import XIAMEN

from hub.runtime.settings import read_settings
from streams.lanes.accounts import Accounts
from streams.lanes.batch import Batch
from streams.lanes.book import Book
from streams.lanes.domain_rules import DomainRules
from streams.lanes.lane import Pace
from streams.lanes.settings import lane_settings

LANES = replace(lane_settings(read_settings(profile="demo")), batch_cpu_seconds=0.02, breath_seconds=0.0)


def batch() -> Batch:
    """An empty batch."""
    rules = DomainRules(XIAMEN)
    return Batch(Book(0, Accounts(rules)), rules)


async def test_waiting_for_the_processor_does_not_end_a_batch():
    """Five times the bound passes while others have the processor: the batch goes on, and ends by what it used."""
    pace, empty = Pace(LANES), batch()
    time.sleep(0.1)  # noqa: ASYNC251 - as if the machine gave the time to others
    await pace.breathe()
    assert not pace.over(empty)
    until = time.thread_time() + LANES.batch_cpu_seconds
    while time.thread_time() < until:
        pass
    await pace.breathe()
    assert pace.over(empty)


async def test_outcomes_and_bytes_end_a_batch_too():
    """At 2,000 outcomes, or 8,000,000 bytes."""
    pace, many, large = Pace(LANES), batch(), batch()
    many.commands = LANES.batch_commands
    large.bytes = LANES.batch_bytes
    assert pace.over(many)
    assert pace.over(large)
    assert not pace.over(batch())

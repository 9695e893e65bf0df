"""What the courier decides without any wire: when to hold back, what may be committed, whether it still owns a call."""

import asyncio
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError

from streams.courier.lease import Lease
from streams.courier.progress import Tenure
from streams.courier.restraint import Breaker, Pace

PARTITION = TopicPartition("errands", 0)


class Seconds:
    """A clock the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time set last."""
        return self.now


def test_the_breaker_opens_after_five_failures_in_a_row_only():
    """One believable answer between them starts the count again."""
    breaker = Breaker(Seconds())
    for answered in (False, False, False, False, True, False, False, False, False):
        breaker.record(answered=answered)
        assert breaker.admits()
    breaker.record(answered=False)
    assert not breaker.admits()
    assert breaker.open


def test_an_open_breaker_lets_one_call_try_after_its_time():
    """After 10 s the first asker goes, the others wait for its answer; a good answer closes it."""
    seconds = Seconds()
    breaker = Breaker(seconds)
    for _ in range(5):
        breaker.record(answered=False)
    seconds.now += 9.9
    assert not breaker.admits()
    seconds.now += 0.2
    assert [breaker.admits(), breaker.admits()] == [True, False]
    breaker.record(answered=True)
    assert breaker.admits()
    assert not breaker.open


async def test_the_pace_turns_away_who_would_wait_too_long():
    """Slots are given evenly; beyond two seconds of waiting there is none."""
    pace = Pace(2.0, Seconds())
    granted = await asyncio.gather(*(pace.slot() for _ in range(8)))
    assert granted == [True] * 5 + [False] * 3


def test_what_may_be_committed_is_the_oldest_unfinished_errand():
    """Errands end in any order; offsets never pass one that is under way."""
    tenure = Tenure()
    assert tenure.safe is None
    for offset in (5, 7, 8):
        tenure.began(offset)
    seen = [tenure.safe]
    for offset in (7, 5, 5, 8):
        tenure.done(offset)
        seen.append(tenure.safe)
    assert seen == [5, 5, 8, 8, 9]


class Broker:
    """A consumer whose group answers as the test says."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def commit(self, offsets: dict[Any, int]) -> None:
        """Accept the offsets, or refuse them as from a member that is none any more."""
        assert offsets
        self.asked += 1
        if self.answers.pop(0) == "refuses":
            raise CommitFailedError


def tenure_at(offset: int) -> Tenure:
    """Return a tenure with one errand under way."""
    tenure = Tenure()
    tenure.began(offset)
    return tenure


async def test_a_proof_of_ownership_holds_for_a_second():
    """Within it nothing is asked; afterwards the broker is asked again."""
    seconds, broker, tenure = Seconds(), Broker("accepts", "accepts"), tenure_at(3)
    lease = Lease(broker, seconds)
    for step, asked in ((0.0, 1), (0.9, 1), (0.2, 2)):
        seconds.now += step
        assert await lease.holds(PARTITION, tenure)
        assert broker.asked == asked


async def test_a_process_that_slept_has_to_ask_again_and_hears_that_it_lost():
    """The proof from before the sleep is worthless; refused, it waits until the rebalance ends its tenure."""
    seconds, broker, tenure = Seconds(), Broker("accepts", "refuses"), tenure_at(3)
    lease = Lease(broker, seconds)
    assert await lease.holds(PARTITION, tenure)
    seconds.now += 8
    waiting = asyncio.create_task(lease.holds(PARTITION, tenure))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    tenure.over = True
    assert not await waiting


async def test_a_tenure_that_is_over_is_not_held_whatever_was_proven():
    """A fresh proof of a later generation says nothing for an errand of an earlier one."""
    broker, tenure = Broker("accepts"), tenure_at(3)
    lease = Lease(broker, Seconds())
    assert await lease.holds(PARTITION, tenure)
    tenure.over = True
    assert not await lease.holds(PARTITION, tenure)

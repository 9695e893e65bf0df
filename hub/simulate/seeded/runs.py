"""Runs a simulated city from a seed, or a script that was recorded from one, and makes a failing script short."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final

from hub.policies import Policies
from hub.simulate.seeded.city import City
from hub.simulate.seeded.deeds import Deed, Deeds
from hub.simulate.seeded.eras import era_of, pace_ms
from hub.simulate.seeded.faults import FaultError
from hub.simulate.seeded.judge import state_hash
from hub.simulate.seeded.shrink import shortest

_ACCOUNT: Final = re.compile("[0-9A-HJKMNP-TV-Z]{26}")
"""An account, also at the beginning of an id."""


@dataclass
class Told:
    """What a run came to. Counts are by kind: outcome or reason, command, event, timer."""

    commands: int
    timers: int
    outcomes: dict[str, int]
    commands_of: dict[str, int]
    events_of: dict[str, int]
    timers_of: dict[str, int]
    state_sm3: str
    days: int
    """How many days of city time went by."""
    fault: FaultError | None = None
    script: list[Deed] = field(default_factory=list)
    """The deeds up to the fault, or all of them."""
    of: int = 0
    """From how many deeds the script was shortened."""
    again: str = ""
    """The command that runs it once more."""

    @property
    def failure(self) -> str:
        """Return the fault and how to see it again, in one line; empty where every invariant held."""
        return f"{self.fault} · {self.again}" if self.fault is not None else ""


def simulate(seed: int, events: int, policies: Policies, people: int = 400) -> Told:
    """Return what became of a city of that many people in that many deeds; never raises for a broken invariant."""
    rng = Random(seed)  # noqa: S311 - the same seed must give the same city
    city, script, era = City(seed, policies), list[Deed](), era_of(seed)
    source = Deeds(rng, policies, people, era.start, city.state)

    def deeds() -> Iterator[Deed]:
        at, pace = era.start, 1 / pace_ms(era, people, events)
        for deed in source.enrolment(at):
            script.append(deed)
            yield deed
        for _ in range(events):
            at += int(rng.expovariate(pace))
            deed = source.next(at)
            script.append(deed)
            yield deed

    told = _told(city, deeds(), script)
    told.again = f"medcredit simulate city --seed {seed} --events {events} --people {people}"
    return told


def replay(seed: int, script: list[Deed], policies: Policies) -> Told:
    """Return what becomes of a script under the fates of a seed."""
    return _told(City(seed, policies), script, script)


def shortened(seed: int, told: Told, policies: Policies) -> Told:
    """Return what the shortest part of a failing script comes to that breaks the same invariant."""
    number = told.fault.number if told.fault is not None else 0

    def fails(script: list[Deed]) -> bool:
        fault = replay(seed, script, policies).fault
        return fault is not None and fault.number == number

    # Most faults need one person or one family: where the deeds about them break it too, no others need be tried.
    fewer = (script for script in _narrowed(told) if fails(script))
    short = replay(seed, shortest(next(fewer, told.script), fails), policies)
    short.of, short.again = len(told.script), told.again
    return short


def _narrowed(told: Told) -> Iterator[list[Deed]]:
    """Yield the deeds about whom the fault names, then also those about whom their deeds name."""
    blamed = set(_ACCOUNT.findall(told.fault.text if told.fault is not None else ""))
    for _ in range(2):
        about = [deed for deed in told.script if deed.command.account in blamed]
        yield about
        blamed |= {account for deed in about for account in _ACCOUNT.findall(repr(deed.command.body))}


def _told(city: City, deeds: Iterable[Deed], script: list[Deed]) -> Told:
    fault = None
    try:
        city.run(deeds)
    except FaultError as error:
        fault = error
    except Exception as error:  # noqa: BLE001 - whatever a decision raises is a fault of the hub, and has a script
        fault = FaultError(0, repr(error))
    hub = city.hub
    return Told(
        hub.commands,
        hub.timers,
        dict(city.outcomes.most_common()),
        {kind.__name__: count for kind, count in city.bodies.most_common()},
        {kind.__name__: count for kind, count in city.happened.most_common()},
        dict(city.fired.most_common()),
        state_hash(hub.accounts),
        city.days,
        fault,
        script,
    )

"""City time and wall time."""

import json
import time
from pathlib import Path

import pytest

from hub.runtime.clock import (
    LEAD_MS,
    LOOK_EVERY_MS,
    FileClock,
    ManualClock,
    SystemClock,
    change_speed,
    open_clock,
    skip_city,
    start_city,
)
from hub.runtime.settings import DEMO_CITY_KEY, read_settings
from schemas.errors import ConfigurationError
from schemas.reasons import Reason

HOUR_MS = 3_600_000
OWN_KEY = DEMO_CITY_KEY[::-1]
SETTLED = (LEAD_MS + LOOK_EVERY_MS + 50) / 1000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "clock.json"


def test_a_fast_city_runs_at_its_speed(file: Path) -> None:
    """At speed 7,200 a tenth of a second of wall time is at least 12 minutes in the city."""
    rule = start_city(file, city=1_000_000, speed=7200)
    clock = FileClock(file)
    wall, city = clock.wall(), clock.city()
    time.sleep(0.1)
    assert clock.city() - city >= 100 * 7200 - 7200
    assert clock.city() == pytest.approx(rule.city_at(clock.wall()), abs=20 * 7200)
    assert clock.wall() - wall >= 100


def test_a_frozen_city_stands_still_and_goes_on_without_a_jump(file: Path) -> None:
    """Freezing stops city time where the announcement said, for all readers alike; going on starts there."""
    start_city(file, city=0, speed=7200)
    one, other = FileClock(file), FileClock(file)
    frozen = change_speed(file, 0)
    time.sleep(SETTLED)
    assert (one.city(), other.city()) == (frozen.epoch_city, frozen.epoch_city)
    time.sleep(0.05)
    assert one.city() == frozen.epoch_city
    assert one.speed() == 0
    going_on = change_speed(file, 10)
    assert going_on.epoch_city == frozen.epoch_city
    time.sleep(SETTLED)
    assert frozen.epoch_city < one.city() < frozen.epoch_city + 10_000


def test_a_process_that_starts_during_an_announcement_follows_the_old_rule_until_then(file: Path) -> None:
    """Between announcement and effect a new reader and an old one show the same time."""
    start_city(file, city=0, speed=1)
    old = FileClock(file)
    change_speed(file, 100_000)
    new = FileClock(file)
    assert new.city() == pytest.approx(old.city(), abs=20)


def test_city_time_never_steps_back(file: Path) -> None:
    """A file that says an earlier time holds the clock where it is."""
    start_city(file, city=10 * HOUR_MS, speed=1)
    clock = FileClock(file)
    before = clock.city()
    start_city(file, city=0, speed=1)
    time.sleep((LOOK_EVERY_MS + 20) / 1000)
    assert clock.city() >= before


def test_a_skip_jumps_ahead_at_unchanged_speed(file: Path) -> None:
    """Skipping 72 hours moves the city by them and leaves the speed."""
    start_city(file, city=0, speed=1)
    clock = FileClock(file)
    skip_city(file, 72 * HOUR_MS)
    time.sleep(SETTLED)
    assert 72 * HOUR_MS <= clock.city() < 72 * HOUR_MS + 5_000
    assert clock.speed() == 1


def test_two_changes_in_a_row_are_both_applied(file: Path) -> None:
    """The second announcement waits for the first: no jump is lost."""
    start_city(file, city=0, speed=1)
    skip_city(file, HOUR_MS)
    skip_city(file, HOUR_MS)
    time.sleep(SETTLED)
    assert 2 * HOUR_MS <= FileClock(file).city() < 2 * HOUR_MS + 5_000


def test_a_vanished_file_leaves_the_last_rule_in_force(file: Path) -> None:
    """A removed run directory does not stop the city of a process that still runs."""
    start_city(file, city=0, speed=1000)
    clock = FileClock(file)
    file.unlink()
    before = clock.city()
    time.sleep((LOOK_EVERY_MS + 20) / 1000)
    assert clock.city() > before


def test_asking_the_time_is_cheap(file: Path) -> None:
    """A message may ask for it: far below 20 µs even on a busy machine (0.3 µs on an idle one)."""
    start_city(file, city=0, speed=7200)
    clock = FileClock(file)
    began = time.process_time()
    for _ in range(20_000):
        clock.city()
    assert (time.process_time() - began) / 20_000 < 20e-6


@pytest.mark.parametrize("content", ["", "{}", '{"epoch_city": 1}', json.dumps({"before": {}, "speed": 1})])
def test_a_broken_clock_file_is_a_configuration_error(file: Path, content: str) -> None:
    """What is no clock file is refused by name, with the remedy."""
    file.write_text(content)
    with pytest.raises(ConfigurationError, match="MEDCREDIT_CLOCK_FILE"):
        FileClock(file)


def test_production_refuses_a_fast_clock(file: Path) -> None:
    """In production another speed than 1 does not start; speed 1 is the system's clock."""
    production = read_settings(profile="production", city_key=OWN_KEY, clock_file=file)
    start_city(file, city=0, speed=5400)
    with pytest.raises(ConfigurationError) as raised:
        open_clock(production)
    assert raised.value.reason is Reason.CLOCK_FAST_IN_PRODUCTION
    assert "5400" in str(raised.value)
    assert raised.value.exit_code == 78
    start_city(file, city=0, speed=1)
    assert isinstance(open_clock(production), SystemClock)


def test_without_a_file_both_clocks_are_the_systems() -> None:
    """City and wall time are then the system's time in ms."""
    clock = open_clock(read_settings(profile="demo"))
    assert clock.city() == pytest.approx(time.time() * 1000, abs=1000)
    assert clock.wall() == pytest.approx(time.time() * 1000, abs=1000)


def test_a_manual_clock_moves_when_told_and_never_back(manual_clock: ManualClock) -> None:
    """City and wall time move apart only when both are given; a step back is refused."""
    city, wall = manual_clock.city(), manual_clock.wall()
    manual_clock.advance(5)
    manual_clock.advance(72 * HOUR_MS, wall_ms=36_000)
    assert manual_clock.city() - city == 72 * HOUR_MS + 5
    assert manual_clock.wall() - wall == 36_005
    with pytest.raises(ValueError, match="step back"):
        manual_clock.advance(-1)

"""The two clocks: city time for business, wall time for the wire; both `int` milliseconds since the Unix epoch, UTC.

In production both are the system's. The demo's city may run fast, stand still or jump ahead: one file in the run
directory says how, every role reads it, and all change at the same announced instant. City time never steps back.
"""

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from hub.runtime.settings import Settings
from schemas.errors import ConfigurationError, setting_invalid
from schemas.reasons import Reason

LOOK_EVERY_MS = 50
"""How often a `FileClock` looks whether its file was replaced."""
LEAD_MS = 300
"""How long before it takes effect a change is announced: every process has looked by then."""


class Clock(Protocol):
    """What time it is. Both are cheap enough (below 1 µs) to be asked for every message."""

    def city(self) -> int:
        """Return city time in ms; never less than a value returned before."""
        ...

    def wall(self) -> int:
        """Return wall time in ms."""
        ...


class SystemClock:
    """Both clocks are the system's."""

    def __init__(self) -> None:
        self._last = 0

    def city(self) -> int:
        """Return the system's time, held where it is while the system steps back."""
        self._last = max(self._last, time.time_ns() // 1_000_000)
        return self._last

    def wall(self) -> int:
        """Return the system's time."""
        return time.time_ns() // 1_000_000


class ManualClock:
    """A clock that moves only when told to, for tests and simulations."""

    def __init__(self, city: int = 1_767_225_600_000, wall: int | None = None) -> None:
        """Start at `city` (2026-01-01 08:00 in the city by default); wall time starts equal when not given."""
        self._city = city
        self._wall = city if wall is None else wall

    def city(self) -> int:
        """Return the city time set last."""
        return self._city

    def wall(self) -> int:
        """Return the wall time set last."""
        return self._wall

    def advance(self, city_ms: int = 0, *, wall_ms: int | None = None) -> None:
        """Move city time on by `city_ms`, and wall time by `wall_ms` (the same when not given); never back."""
        wall_step = city_ms if wall_ms is None else wall_ms
        if city_ms < 0 or wall_step < 0:
            raise ValueError("a clock does not step back")
        self._city += city_ms
        self._wall += wall_step


@dataclass(frozen=True, slots=True)
class ClockRule:
    """How city time follows wall time from `effective_at` (wall, ms) on; speed 0 is a city that stands still."""

    epoch_city: int
    epoch_wall: int
    speed: float
    effective_at: int

    def city_at(self, wall: int) -> int:
        """Return city time at a wall time, both in ms."""
        return self.epoch_city + int((wall - self.epoch_wall) * self.speed)


class FileClock:
    """A clock that follows a file written by `start_city`, `change_speed` or `skip_city`."""

    def __init__(self, path: Path) -> None:
        """Read the file; raises `ConfigurationError` when it is missing or unreadable."""
        self._path = path
        self._stamp = _stamp(path)
        self._now, self._next = _read(path)
        self._look_at = 0
        self._last = 0

    def city(self) -> int:
        """Return city time by the rule in force; the file is looked at every 50 ms of wall time."""
        wall = time.time_ns() // 1_000_000
        if wall >= self._look_at:
            self._look(wall)
        city = self._now.city_at(wall)
        self._last = max(self._last, city)
        return self._last

    def wall(self) -> int:
        """Return the system's time."""
        return time.time_ns() // 1_000_000

    def speed(self) -> float:
        """Return city milliseconds per wall millisecond, 0 while the city stands still."""
        self._look(self.wall())
        return self._now.speed

    def _look(self, wall: int) -> None:
        """Take over a replaced file; change to the announced rule when its time has come."""
        self._look_at = wall + LOOK_EVERY_MS
        stamp = _stamp(self._path)
        if stamp not in (self._stamp, None):  # a vanished file leaves the last rule in force
            self._stamp = stamp
            self._now, self._next = _read(self._path)
        if wall >= self._next.effective_at:
            self._now = self._next
        else:
            self._look_at = min(self._look_at, self._next.effective_at)


def open_clock(settings: Settings) -> Clock:
    """Return the clock the settings name.

    Raises `ConfigurationError` CLOCK_FAST_IN_PRODUCTION when the production profile names a clock of another speed.
    """
    if settings.clock_file is None:
        return SystemClock()
    if settings.profile == "production":
        _, rule = _read(settings.clock_file)
        if rule.speed != 1:
            raise ConfigurationError(Reason.CLOCK_FAST_IN_PRODUCTION, {"speed": f"{rule.speed:g}"})
        return SystemClock()
    return FileClock(settings.clock_file)


def start_city(path: Path, *, city: int, speed: float) -> ClockRule:
    """Write a new clock file: it is `city` now and runs at `speed`. Returns the rule."""
    wall = time.time_ns() // 1_000_000
    rule = ClockRule(city, wall, speed, wall)
    _write(path, rule, rule)
    return rule


def change_speed(path: Path, speed: float) -> ClockRule:
    """Announce another speed (0 freezes) for 300 ms from now, without a jump; return the rule.

    Blocks up to 300 ms when a change was announced just before. One writer at a time.
    """
    return _announce(path, speed, jump_ms=0)


def skip_city(path: Path, jump_ms: int) -> ClockRule:
    """Announce a jump of city time by `jump_ms` (not negative) in 300 ms at unchanged speed; return the rule."""
    if jump_ms < 0:
        raise ValueError("city time does not step back")
    _, rule = _read(path)
    return _announce(path, rule.speed, jump_ms)


def _announce(path: Path, speed: float, jump_ms: int) -> ClockRule:
    _, rule = _read(path)
    time.sleep(max(0, rule.effective_at - time.time_ns() // 1_000_000) / 1000)  # a change announced just before
    at = time.time_ns() // 1_000_000 + LEAD_MS
    changed = ClockRule(rule.city_at(at) + jump_ms, at, speed, at)
    _write(path, rule, changed)
    return changed


def _write(path: Path, before: ClockRule, rule: ClockRule) -> None:
    """Replace the file in one step, so that no reader ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f"{path.name}.{os.getpid()}")
    scratch.write_text(json.dumps({**asdict(rule), "before": asdict(before)}))
    scratch.replace(path)


def _read(path: Path) -> tuple[ClockRule, ClockRule]:
    """Return the rule before the announced instant and the one from then on."""
    try:
        content = json.loads(path.read_text())
        before = ClockRule(**content.pop("before"))
        return before, ClockRule(**content)
    except (OSError, ValueError, TypeError, KeyError) as error:
        remedy = "Remove the setting, or start the demo, which writes it."
        raise setting_invalid("MEDCREDIT_CLOCK_FILE", f"{path} is not a clock file", remedy) from error


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns

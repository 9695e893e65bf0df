"""City time of the sandbox's money: by the rule in force when it moved, whoever asks when."""

import json
from pathlib import Path

from adapters.sandbox.city_time import CityTime


def put(path: Path, before: tuple[int, int, float, int], rule: tuple[int, int, float, int]) -> None:
    """Write a clock file as `hub.runtime.clock` does."""
    names = ("epoch_city", "epoch_wall", "speed", "effective_at")
    document = dict(zip(names, rule, strict=True)) | {"before": dict(zip(names, before, strict=True))}
    scratch = path.with_suffix(".new")
    scratch.write_text(json.dumps(document))
    scratch.replace(path)


def test_money_that_moved_before_two_jumps_of_the_clock_keeps_its_day(tmp_path: Path):
    """Looked at between the jumps, asked after both: 50 is on the first day, 150 after one jump, 250 after two."""
    path = tmp_path / "clock.json"
    first, second, third = (0, 0, 1.0, 0), (1_000_100, 100, 1.0, 100), (2_000_200, 200, 1.0, 200)
    put(path, first, second)
    times = CityTime(path)
    times.look()
    put(path, second, third)
    assert [times.of(at) for at in (50, 150, 250)] == [50, 1_000_150, 2_000_250]


def test_without_a_clock_file_city_time_is_wall_time():
    """As in production's test environments."""
    assert CityTime(None).of(1_234) == 1_234

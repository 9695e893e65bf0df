"""City time of the sandbox's instants, for the days of its bill files: wall time, or as the demo's clock file says."""

import json
from pathlib import Path


class CityTime:
    """Turns wall instants into city instants; each is turned once, by the rule in force when it is first asked for."""

    def __init__(self, clock_file: Path | None) -> None:
        """Without a file city time is wall time."""
        self._file = clock_file
        self._known: dict[str, int] = {}

    def of(self, name: str, wall_at: int) -> int:
        """Return the city instant of what is called `name` and happened at this wall instant."""
        if self._file is None:
            return wall_at
        if name not in self._known:
            self._known[name] = _city(self._file, wall_at)
        return self._known[name]


def _city(path: Path, wall_at: int) -> int:
    rule = json.loads(path.read_text("utf-8"))
    if wall_at < rule["effective_at"]:
        rule = rule["before"]
    return int(rule["epoch_city"] + (wall_at - rule["epoch_wall"]) * rule["speed"])

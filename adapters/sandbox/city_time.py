"""City time of the sandbox's instants, for the days of its bill files: wall time, or as the demo's clock file says."""

import asyncio
import json
from pathlib import Path
from typing import Any, Final

_LOOK_SECONDS: Final = 0.1
"""A change of the city's clock is announced 300 ms ahead: looked at so often, none is missed."""


class CityTime:
    """Turns wall instants into city instants, each by the rule that was in force then, however often rules changed."""

    def __init__(self, clock_file: Path | None) -> None:
        """Without a file city time is wall time."""
        self._file = clock_file
        self._changed_ns = 0
        self._rules: list[dict[str, Any]] = []
        """Every rule that was seen, by the wall instant from which it holds."""

    def of(self, wall_at: int) -> int:
        """Return the city instant of this wall instant."""
        if self._file is None:
            return wall_at
        self.look()
        rule = next((each for each in reversed(self._rules) if each["effective_at"] <= wall_at), self._rules[0])
        return int(rule["epoch_city"] + (wall_at - rule["epoch_wall"]) * rule["speed"])

    def look(self) -> None:
        """Take note of a rule that is new in the file."""
        if self._file is None or not self._file.exists():
            return
        changed_ns = self._file.stat().st_mtime_ns
        if changed_ns != self._changed_ns:
            rule = json.loads(self._file.read_text("utf-8"))
            known = {each["effective_at"] for each in self._rules}
            self._rules += [each for each in (rule["before"], rule) if each["effective_at"] not in known]
            self._rules.sort(key=lambda each: int(each["effective_at"]))
            self._changed_ns = changed_ns

    async def keep_looking(self) -> None:
        """Look again and again until cancelled."""
        while self._file is not None:
            self.look()
            await asyncio.sleep(_LOOK_SECONDS)

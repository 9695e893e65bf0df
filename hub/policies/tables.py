"""Typed reading of a pack's TOML tables: every complaint names pack and clause, and no key is left unread."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from hub.policies.clauses import Citation
from hub.policies.errors import PackError
from schemas.city_time import day_start
from schemas.commands import Instant

NUMBER_MAX: Final = 10**12
"""No amount, duration or rate of a pack is larger."""


class Table:
    """One table of a pack's file. Each read marks its key; `close` refuses what nobody asked for."""

    def __init__(self, pack: str, clause: str, content: Mapping[str, Any]) -> None:
        self.pack = pack
        self.clause = clause
        self._content = content
        self._read: set[str] = set()

    def has(self, key: str) -> bool:
        """Return whether the key is there."""
        return key in self._content

    def fault(self, key: str, text: str, code: str = "PACK_CLAUSE") -> PackError:
        """Return the complaint about a key of this table."""
        return PackError(code, self.pack, f"{self.clause}.{key}".strip("."), text)

    def section(self, name: str) -> "Table | None":
        """Return a table within this one, or None where there is none."""
        content = self._take(name)
        if content is None:
            return None
        if not isinstance(content, dict):
            raise self.fault(name, "a section is needed")
        return Table(self.pack, f"{self.clause}.{name}".strip("."), content)

    def needed(self, name: str) -> "Table":
        """Return a table within this one; refuse the pack without it."""
        section = self.section(name)
        if section is None:
            raise self.fault(name, "the section is missing")
        return section

    def sections(self, name: str) -> Iterator["Table"]:
        """Yield the tables of a list, none where there is no list."""
        content = self._take(name)
        if content is None:
            return
        if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
            raise self.fault(name, "a list of sections is needed")
        for place, each in enumerate(content):
            yield Table(self.pack, f"{self.clause}.{name}[{place}]".strip("."), each)

    def number(self, key: str, *, low: int = 0, high: int = NUMBER_MAX, default: int | None = None) -> int:
        """Return a whole number between two bounds."""
        value = self._take(key, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.fault(key, "a whole number is needed")
        if value < low:
            raise self.fault(key, f"{value} is below {low}", "PACK_NEGATIVE")
        if value > high:
            raise self.fault(key, f"{value} is above {high}")
        return value

    def numbers(self, key: str, *, low: int, high: int) -> tuple[int, ...]:
        """Return a list of whole numbers, ascending and each once; empty where there is none."""
        value = self._take(key, [])
        if not isinstance(value, list) or not all(isinstance(each, int) and low <= each <= high for each in value):
            raise self.fault(key, f"a list of whole numbers from {low} to {high} is needed")
        if sorted(set(value)) != value:
            raise self.fault(key, "ascending numbers are needed, each once")
        return tuple(value)

    def flag(self, key: str) -> bool:
        """Return true or false; false where there is nothing."""
        value = self._take(key, default=False)
        if not isinstance(value, bool):
            raise self.fault(key, "true or false is needed")
        return value

    def text(self, key: str, default: str = "") -> str:
        """Return a text."""
        value = self._take(key, default)
        if not isinstance(value, str) or not (value or default == ""):
            raise self.fault(key, "a text is needed")
        return value

    def words(self, key: str, known: Sequence[str] = (), default: Sequence[str] = ()) -> tuple[str, ...]:
        """Return a list of words, each once; of the known ones where there are such."""
        value = self._take(key, list(default) or None)
        if not isinstance(value, list) or not value or not all(isinstance(word, str) and word for word in value):
            raise self.fault(key, "a list of words is needed")
        unknown = [word for word in value if known and word not in known]
        if unknown:
            raise self.fault(key, f"unknown: {', '.join(unknown)}; known are {', '.join(known)}")
        if len(set(value)) != len(value):
            raise self.fault(key, "a word stands there twice", "PACK_DUPLICATE")
        return tuple(value)

    def choice(self, key: str, choices: tuple[str, ...], default: str = "") -> Any:
        """Return one of the choices."""
        value = self._take(key, default)
        if value not in choices:
            raise self.fault(key, f"one of {', '.join(choices)} is needed")
        return value

    def day(self, key: str, default: Instant) -> Instant:
        """Return the start of a city day."""
        value = self._take(key)
        if value is None:
            return default
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self.fault(key, "a date is needed, as 2023-01-01")
        return day_start(value)

    def amounts(self, key: str) -> tuple[tuple[str, int], ...]:
        """Return the pairs (word, fen) of a table within this one, the longest word first."""
        section = self.section(key)
        if section is None:
            return ()
        pairs = [(name, section.number(name, low=1)) for name in section.names()]
        return tuple(sorted(pairs, key=lambda pair: (-len(pair[0]), pair[0])))

    def names(self) -> tuple[str, ...]:
        """Return the keys as they stand."""
        return tuple(self._content)

    def cited(self, sources: Sequence[str]) -> Citation:
        """Return the clause's citation, and end the table: refuse a missing part, an unknown source, an unread key."""
        parts = {key: self.text(key) for key in ("source", "paragraph", "rule", "rule_zh")}
        missing = [key for key in ("source", "paragraph", "rule") if not parts[key]]
        if missing:
            raise PackError(
                "PACK_UNCITED", self.pack, self.clause, f"cite the public description: {', '.join(missing)} missing"
            )
        if parts["source"] not in sources:
            raise self.fault("source", f"{parts['source']} stands not in [sources]", "PACK_SOURCE_UNKNOWN")
        self.close()
        place = f"{parts['source']} ¶{parts['paragraph']}"
        return Citation(f"{self.pack} {self.clause}", place, parts["rule"], parts["rule_zh"])

    def close(self) -> None:
        """Refuse a key that nobody read: it would be a rule without effect."""
        unread = [key for key in self._content if key not in self._read]
        if unread:
            raise self.fault(unread[0], "nothing reads this key", "PACK_KEY_UNKNOWN")

    def _take(self, key: str, default: Any = None) -> Any:
        self._read.add(key)
        return self._content.get(key, default)

"""TOML packs become frozen data (domain 3); what is inconsistent is refused by hub.policies.checks."""

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, Literal, get_args
from zoneinfo import ZoneInfo

from hub.policies.checks import check_pack
from hub.policies.errors import PackError
from hub.policies.pack import Citation, Debit, Overdue, Pack, Presets, Provider, Repayment, Retry, Tier
from schemas.commands import Scene

PACKS_DIRECTORY: Final = Path(__file__).parent / "packs"
LOCK_NAME: Final = "packs.lock"
_CITY: Final = ZoneInfo("Asia/Shanghai")
_FOREVER: Final = (1 << 62) - 1
DEDUCTION_ORDER: Final = ("insurance", "prepayment", "credit")
_SCORE_LOW: Final = 0
_SCORE_HIGH: Final = 1_000_000

Table = Mapping[str, Any]


def read_pack(path: Path) -> Pack:
    """Return the pack of one file. Raises PackError with the clause when anything in it is wrong or inconsistent."""
    content = path.read_bytes()
    try:
        table = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PackError("PACK_UNREADABLE", path.stem, "file", str(error)) from error
    reader = _Reader(str(table.get("id", path.stem)), table)
    if reader.pack != path.stem:
        raise PackError("PACK_ID", reader.pack, "id", f"the file is named {path.name}; name it as the pack")
    pack = reader.read(pack_hash(content))
    check_pack(pack, table.get("fee"))
    return pack


def pack_hash(content: bytes) -> str:
    """Return SM3 of a pack's file, the value of the lock and of every record decided under it."""
    return hashlib.new("sm3", content).hexdigest()


class _Reader:
    """Reads the tables of one file; every complaint names pack and clause."""

    def __init__(self, pack: str, table: Table) -> None:
        self.pack = pack
        self._table = table

    def read(self, content_hash: str) -> Pack:
        top, tiers = self._table, self._tiers()
        coverage = self._section("coverage")
        institutions = self._words(coverage, "coverage", "institutions")
        idle = self._section("idle")
        return Pack(
            id=self.pack,
            title=str(top.get("title", self.pack)),
            title_zh=str(top.get("title_zh", self.pack)),
            hash=content_hash,
            valid_from=self._day(top, "valid_from", 0),
            valid_to=self._day(top, "valid_to", _FOREVER),
            funding=self._choice(top, "", "funding", ("bank", "institution")),
            institutions=frozenset(() if "*" in institutions else institutions),
            scenes=frozenset(self._scenes(coverage)),
            coverage=self._citation(coverage, "coverage"),
            deduction=self._deduction(),
            tiers=tiers,
            providers=tuple(dict.fromkeys(tier.provider for tier in tiers)),
            offers=self._offers(),
            repayment=self._repayment(),
            debit=self._debit(),
            retry=self._retry(),
            overdue=self._overdue(),
            presets=self._presets(),
            idle_hours=self._number(idle, "idle", "hours", low=1),
            idle=self._citation(idle, "idle"),
        )

    def _fault(self, clause: str, text: str, code: str = "PACK_CLAUSE") -> PackError:
        return PackError(code, self.pack, clause, text)

    def _section(self, name: str) -> Table:
        section = self._table.get(name)
        if not isinstance(section, dict):
            raise self._fault(name, "the section is missing")
        return section

    def _citation(self, table: Table, clause: str) -> Citation:
        missing = [key for key in ("source", "paragraph", "rule") if not table.get(key)]
        if missing:
            raise self._fault(clause, f"cite the public description: {', '.join(missing)} missing", "PACK_UNCITED")
        return Citation(f"{self.pack} {clause}", f"{table['source']} ¶{table['paragraph']}", str(table["rule"]))

    def _number(self, table: Table, clause: str, key: str, *, low: int = 0, default: int | None = None) -> int:
        value = table.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._fault(f"{clause}.{key}", "a whole number is needed")
        if value < low:
            raise self._fault(f"{clause}.{key}", f"{value} is below {low}", "PACK_NEGATIVE")
        return value

    def _words(self, table: Table, clause: str, key: str) -> tuple[str, ...]:
        value = table.get(key)
        if not isinstance(value, list) or not value or not all(isinstance(word, str) for word in value):
            raise self._fault(f"{clause}.{key}", "a list of words is needed")
        return tuple(value)

    def _scenes(self, table: Table) -> Sequence[Scene]:
        words = self._words(table, "coverage", "scenes")
        unknown = set(words) - set(get_args(Scene))
        if unknown:
            raise self._fault("coverage.scenes", f"unknown: {', '.join(sorted(unknown))}")
        return [scene for scene in get_args(Scene) if scene in words]

    def _choice(self, table: Table, clause: str, key: str, choices: tuple[str, ...]) -> Any:
        value = table.get(key)
        if value not in choices:
            raise self._fault(f"{clause}.{key}".strip("."), f"one of {', '.join(choices)} is needed")
        return value

    def _day(self, table: Table, key: str, default: int) -> int:
        value = table.get(key)
        if value is None:
            return default
        if not isinstance(value, date):
            raise self._fault(key, "a date is needed, as 2023-01-01")
        return int(datetime(value.year, value.month, value.day, tzinfo=_CITY).timestamp()) * 1000

    def _deduction(self) -> Citation:
        table = self._section("deduction")
        if self._words(table, "deduction", "order") != DEDUCTION_ORDER:
            raise self._fault("deduction.order", f"the only order known is {', '.join(DEDUCTION_ORDER)}")
        return self._citation(table, "deduction")

    def _offers(self) -> dict[str, int]:
        offers: dict[str, int] = {}
        for number, table in enumerate(self._table.get("offers", ())):
            clause = f"offers[{number}]"
            offers[str(table.get("bank", ""))] = self._number(table, clause, "limit_fen")
        return offers

    def _tiers(self) -> tuple[Tier, ...]:
        tables = self._table.get("tiers")
        if not isinstance(tables, list) or not tables:
            raise self._fault("tiers", "at least one tier is needed")
        return tuple(self._tier(table, f"tiers[{n}]") for n, table in enumerate(tables))

    def _tier(self, table: Table, clause: str) -> Tier:
        provider: Provider = self._choice(table, clause, "provider", get_args(Provider))
        return Tier(
            provider=provider,
            low=self._number(table, clause, "min", default=_SCORE_LOW),
            high=self._number(table, clause, "max", default=_SCORE_HIGH),
            limit_fen=self._number(table, clause, "limit_fen"),
            offer=bool(table.get("offer", False)),
            citation=self._citation(table, clause),
        )

    def _repayment(self) -> Repayment:
        table = self._section("repayment")
        kind: Literal["days", "due_date"] = self._choice(table, "repayment", "kind", ("days", "due_date"))
        days = self._number(table, "repayment", "days" if kind == "days" else "free_days")
        hour = self._number(table, "repayment", "hour", default=0)
        return Repayment(kind, days, hour, self._citation(table, "repayment"))

    def _debit(self) -> Debit | None:
        table = self._table.get("debit")
        if table is None:
            return None
        on: Literal["after_close", "due_date"] = self._choice(table, "debit", "on", ("after_close", "due_date"))
        hours = self._number(table, "debit", "hours", default=0 if on == "due_date" else None)
        return Debit(on, hours, self._number(table, "debit", "hour", default=0), self._citation(table, "debit"))

    def _retry(self) -> Retry:
        table = self._section("retry")
        attempts = self._number(table, "retry", "attempts", low=1)
        return Retry(self._number(table, "retry", "hour"), attempts, self._citation(table, "retry"))

    def _overdue(self) -> Overdue:
        table = self._section("overdue")
        days = self._number(table, "overdue", "resume_after_days", low=1)
        return Overdue(bool(table.get("suspends", False)), days, self._citation(table, "overdue"))

    def _presets(self) -> Presets:
        table = self._table.get("presets")
        if table is None:
            return Presets()
        visit = self._number(table, "presets", "per_visit_fen", default=0)
        day = self._number(table, "presets", "per_day_fen", default=0)
        return Presets(visit, day, self._citation(table, "presets"))

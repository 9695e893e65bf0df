"""TOML packs become frozen data (domain 3); what is inconsistent is refused by hub.policies.checks."""

import hashlib
import re
import tomllib
from pathlib import Path
from typing import Any, Final, get_args

from hub.policies.checks import check_pack, faults_of
from hub.policies.clause_readers import (
    MANY,
    MONTH_DAY_MAX,
    ONE,
    Sources,
    read_funding,
    read_overdue,
    read_repayment,
    read_tier,
)
from hub.policies.clauses import Citation, Provider, Source, Tier
from hub.policies.errors import PackError
from hub.policies.lpr import shipped_lpr
from hub.policies.pack import Offer, Pack
from hub.policies.tables import Table
from schemas.commands import Scene

PACKS_DIRECTORY: Final = Path(__file__).parent / "packs"
LOCK_NAME: Final = "packs.lock"
_PUBLISHED: Final = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
_FOREVER: Final = (1 << 62) - 1
DEDUCTION_ORDER: Final = ("insurance", "prepayment", "credit")


def read_pack(path: Path) -> Pack:
    """Return the pack of one file. Raises PackError with the clause when anything in it is wrong or inconsistent."""
    pack = _parsed(path)
    check_pack(pack)
    return pack


def faults_in(path: Path) -> tuple[PackError, ...]:
    """Return everything that is wrong with a file; what keeps it from being read comes alone."""
    try:
        return tuple(faults_of(_parsed(path), shipped_lpr()))
    except PackError as error:
        return (error,)


def _parsed(path: Path) -> Pack:
    content = path.read_bytes()
    try:
        table = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PackError("PACK_UNREADABLE", path.stem, "file", str(error)) from error
    pack = str(table.get("id", path.stem))
    if pack != path.stem:
        raise PackError("PACK_ID", pack, "id", f"the file is named {path.name}; name it as the pack")
    return _read(Table(pack, "", table), pack_hash(content))


def pack_hash(content: bytes) -> str:
    """Return SM3 of a pack's file, the value of the lock and of every record decided under it."""
    return hashlib.new("sm3", content).hexdigest()


def _read(top: Table, content_hash: str) -> Pack:
    named = _sources(top)
    sources = [source.key for source in named]
    coverage, tiers, idle = top.needed("coverage"), _tiers(top, sources), top.needed("idle")
    institutions = coverage.words("institutions")
    scenes = coverage.words("scenes", get_args(Scene))
    pack = Pack(
        id=top.text("id", top.pack),
        title=top.text("title", top.pack),
        title_zh=top.text("title_zh", top.pack),
        hash=content_hash,
        sources=named,
        valid_from=top.day("valid_from", 0),
        valid_to=top.day("valid_to", _FOREVER),
        institutions=frozenset(() if "*" in institutions else institutions),
        scenes=frozenset(scene for scene in get_args(Scene) if scene in scenes),
        coverage=coverage.cited(sources),
        funding=read_funding(top.needed("funding"), sources),
        deduction=_deduction(top.needed("deduction"), sources),
        tiers=tiers,
        providers=_providers(top, tiers),
        offers=tuple(_offer(table, sources) for table in top.sections("offers")),
        repayment=read_repayment(top.needed("repayment"), sources),
        overdue=read_overdue(top.needed("overdue"), sources),
        idle_hours=idle.number("hours", low=1),
        idle=idle.cited(sources),
        **_optional(top, sources),
    )
    top.close()
    return pack


def _optional(top: Table, sources: Sources) -> dict[str, Any]:
    """Return the clauses that a pack may leave out."""
    single = {name: (top.section(name), read) for name, read in ONE.items()}
    found: dict[str, Any] = {name: read(table, sources) for name, (table, read) in single.items() if table is not None}
    for name, read_one in MANY.items():
        found[name] = tuple(read_one(table, sources) for table in top.sections(name))
    return found


def _sources(top: Table) -> tuple[Source, ...]:
    section = top.needed("sources")
    return tuple(_source(key, section.needed(key)) for key in section.names())


def _source(key: str, table: Table) -> Source:
    source = Source(key, table.text("title"), table.text("published"))
    if not source.title:
        raise table.fault("title", "a text is needed")
    if not _PUBLISHED.fullmatch(source.published):
        raise table.fault("published", "a year, a month or a day is needed, as 2023, 2023-07 or 2023-07-01")
    table.close()
    return source


def _tiers(top: Table, sources: Sources) -> tuple[Tier, ...]:
    tiers = tuple(read_tier(table, sources) for table in top.sections("tiers"))
    if not tiers:
        raise top.fault("tiers", "at least one tier is needed")
    return tiers


def _providers(top: Table, tiers: tuple[Tier, ...]) -> tuple[Provider, ...]:
    """Return in which order scores are asked: as the file says, else as its tiers come."""
    given = dict.fromkeys(tier.provider for tier in tiers)
    asked = top.words("providers", get_args(Provider), tuple(given))
    if set(asked) != set(given):
        raise top.fault("providers", f"the tiers are those of {', '.join(given)}")
    return tuple(provider for provider in asked if provider in get_args(Provider))  # type: ignore[misc]


def _offer(table: Table, sources: Sources) -> Offer:
    bank = table.text("bank")
    if not bank:
        raise table.fault("bank", "a bank's code is needed")
    day = table.number("statement_day", high=MONTH_DAY_MAX, default=0)
    return Offer(bank, table.number("limit_fen"), day, table.cited(sources))


def _deduction(table: Table, sources: Sources) -> Citation:
    if table.words("order") != DEDUCTION_ORDER:
        raise table.fault("order", f"the only order known is {', '.join(DEDUCTION_ORDER)}")
    return table.cited(sources)

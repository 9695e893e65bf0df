"""`medcredit policy`: the packs as people read them, what is wrong with a new one, and what it would change."""

import asyncio
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hub.cli.layout import width_of
from hub.cli.output import VerbError, answer, language, note, say, state_word
from hub.cli.policy_answers import (
    ClauseLine,
    DiffLine,
    LintedPacks,
    LintFault,
    PackList,
    PacksDiffer,
    PackShown,
    PackSummary,
    PartLine,
    ReasonLine,
    WhatIfAnswer,
)
from hub.cli.texts import yuan
from hub.cli.verbs import verb
from hub.cli.words import told, word
from hub.policies import Pack, Policies, load_policies
from hub.policies.loader import faults_in, read_pack
from hub.policies.words import figures, place, rule
from hub.runtime.settings import read_settings
from schemas.city_time import city_date, day_start
from schemas.commands import Instant
from schemas.events import Allocation
from schemas.reasons import Reason

if TYPE_CHECKING:
    from streams.whatif import WhatIf

verbs = typer.Typer(help="The policy packs: dated policy, each clause with its source.", no_args_is_help=True)
PACK = Annotated[str, typer.Argument(metavar="PACK", help="Id of a pack, or a file that holds one.")]
OTHER = Annotated[str, typer.Argument(metavar="OTHER", help="Id of another pack, or a file that holds one.")]
DAY = ["%Y-%m-%d"]
_FOREVER: Final = (1 << 61) - 1
_LINE_COLUMNS: Final = 80


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.add_typer(verbs, name="policy")


@verb(verbs, "list")
def list_packs() -> None:
    """Every pack that the hub knows. Example: medcredit policy list."""
    packs = sorted(_known().packs.values(), key=lambda pack: (pack.valid_from, pack.id))
    summaries = tuple(_summary(pack) for pack in packs)
    for each in summaries:
        where = ", ".join(each.institutions) or told("everywhere")
        say(f"{each.id:<21} {each.valid_from} – {each.valid_to or '':<10}  {word(each.funding)}, {where}")
        say(f"{'':<21} {each.title}")
    answer(PackList(summaries))


@verb(verbs, "show")
def show_pack(pack: PACK) -> None:
    """One pack in sentences, clause by clause. Example: medcredit policy show xiamen-city-2023."""
    found = _pack(pack)
    lines = tuple(clause_lines(found))
    say(f"{found.id}  {_title(found)}")
    for line in lines:
        say(f"{line.clause:<16} {line.figures}   {line.source}")
        say(f"{'':<16} {line.rule}")
    answer(PackShown(_summary(found), lines))


@verb(verbs, "lint")
def lint(files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Packs to check.")]) -> None:
    """Everything in a pack that cannot be meant; exit 1 when there is any. Example: medcredit policy lint new.toml."""
    faults: list[LintFault] = []
    for file in files:
        if not file.is_file():
            raise VerbError(Reason.NOT_FOUND, f"{file}: there is no such file.", exit_code=4)
        found = [
            LintFault(str(file), each.clause, each.code, each.text, each.remedy(language())) for each in faults_in(file)
        ]
        for fault in found:
            say(f"{state_word('FAIL')} {fault.clause}  {fault.text}   {fault.code}   do: {fault.do}")
        if not found:
            say(f"{state_word('OK')} {file}  {len(list(read_pack(file).citations()))} clauses")
        faults += found
    answer(LintedPacks(not faults, tuple(map(str, files)), tuple(faults)))
    sys.exit(1 if faults else 0)


@verb(verbs, "diff")
def diff(pack: PACK, other: OTHER) -> None:
    """What two packs have differently. Example: medcredit policy diff xiamen-city-2023 xiamen-platform-2024."""
    one, two = _pack(pack), _pack(other)
    lines = tuple(differences(one, two))
    for line in lines:
        _say_difference(line)
    answer(PacksDiffer(one.id, two.id, lines))


def _say_difference(line: DiffLine) -> None:
    """Say a difference on one line where it fits, else below each other what only one of the packs has."""
    short = f"{line.clause:<12} {' · '.join(line.a) or '–'} → {' · '.join(line.b) or '–'}"
    if width_of(short) <= _LINE_COLUMNS:
        say(short)
        return
    say(line.clause)
    for sign, one, other in (("−", line.a, line.b), ("+", line.b, line.a)):
        for each in one:
            if each not in other:
                say(f"  {sign} {each}")


@verb(verbs, "whatif")
def whatif(
    pack: PACK,
    other: OTHER,
    *,
    begin: Annotated[datetime | None, typer.Option("--from", formats=DAY, help="First city day; else all.")] = None,
    end: Annotated[
        datetime | None, typer.Option("--to", formats=DAY, help="City day left out again; else all.")
    ] = None,
) -> None:
    """Decide what a hub recorded again, in shadow, under OTHER instead of PACK; reads Kafka only, changes nothing.

    Example: medcredit policy whatif xiamen-city-2023 xiamen-platform-2024 --from 2026-07-01 --to 2026-07-03.
    """
    started, known = time.monotonic(), _known()
    if pack not in known.packs:
        raise _unknown(pack)
    window = (day_start(begin.date()) if begin else 0, day_start(end.date()) if end else _FOREVER)
    if window[0] >= window[1]:
        raise VerbError("USAGE", "--to comes after --from.", exit_code=2)
    document = asyncio.run(_compared(known, pack, _pack(other), window, started))
    _say_whatif(document)
    answer(document)
    sys.exit(1 if document.unaccounted_fen else 0)


async def _compared(known: Policies, a: str, b: Pack, window: tuple[Instant, Instant], started: float) -> WhatIfAnswer:
    from streams.whatif import Window, WindowGoneError, what_if  # noqa: PLC0415 - the other verbs read no topic

    settings = read_settings()
    note(f"Reading the log of commands: {a} and, in its place, {b.id}")
    try:
        found = await what_if(
            settings.kafka, settings.topics, known, known.instead_of(a, b), Window(*window), _partition_done
        )
    except WindowGoneError as error:
        raise VerbError(Reason.NOT_FOUND, f"{error} (kept 35 days).", exit_code=4, do="Begin later: --from.") from None
    parts = tuple(
        PartLine(part, found.a.parts[part], found.b.parts[part], found.b.parts[part] - found.a.parts[part])
        for part in (*Allocation.__struct_fields__, "waiting_fen")
    )
    reasons = [found.a.reasons + found.a.refused, found.b.reasons + found.b.refused]
    return WhatIfAnswer(
        a,
        b.id,
        *window,
        inputs=found.inputs,
        undecodable=found.undecodable,
        charged_fen=found.a.charged_fen,
        parts=parts,
        reasons=tuple(ReasonLine(name, reasons[0][name], reasons[1][name]) for name in sorted(reasons[0] | reasons[1])),
        persons=found.persons,
        raised=found.raised,
        lowered=found.lowered,
        unaccounted_fen=found.unaccounted_fen,
        seconds=round(time.monotonic() - started, 1),
    )


def _partition_done(partition: int, sums: "WhatIf") -> None:
    note(f"partition {partition} done: {sums.inputs:,} inputs so far")


def _say_whatif(found: WhatIfAnswer) -> None:
    moved = ", ".join(
        f"{line.part.removesuffix('_fen').replace('_', '-')} {_signed(line.difference_fen)}"
        for line in found.parts
        if line.difference_fen or line.part in ("credit_fen", "self_pay_fen")
    )
    changed = f"{found.raised + found.lowered:,} persons change tier ({found.raised:,} up, {found.lowered:,} down)"
    say(
        f"{found.inputs:,} inputs · {moved}, {changed}, {found.unaccounted_fen} fen unaccounted"
        f" · read only, live state untouched · {found.seconds:.0f} s"
    )
    for line in found.reasons:
        say(f"  {line.reason:<24} {line.a:>8,} → {line.b:,}")


def clause_lines(pack: Pack) -> Iterator[ClauseLine]:
    """Yield each clause of a pack in words."""
    for (field, clause), cited in zip(pack.clauses(), pack.citations(), strict=True):
        lang = language()
        yield ClauseLine(place(cited), figures(pack, field, clause, lang), rule(cited, lang), cited.source)


def differences(one: Pack, two: Pack) -> Iterator[DiffLine]:
    """Yield the kinds of clauses that two packs have differently, by their figures."""
    said = [_by_field(pack) for pack in (one, two)]
    for field in dict.fromkeys([*said[0], *said[1]]):
        a, b = (tuple(each.get(field, ())) for each in said)
        if a != b:
            yield DiffLine(field, a, b)


def _by_field(pack: Pack) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for field, clause in pack.clauses():
        grouped.setdefault(field, []).append(figures(pack, field, clause, language()))
    return grouped


def _summary(pack: Pack) -> PackSummary:
    ends = None if pack.valid_to > _FOREVER else city_date(pack.valid_to).isoformat()
    count = len(list(pack.citations()))
    return PackSummary(
        pack.id,
        _title(pack),
        city_date(pack.valid_from).isoformat(),
        ends,
        tuple(sorted(pack.institutions)),
        tuple(sorted(pack.scenes)),
        pack.funding.by,
        count,
        pack.hash,
    )


def _title(pack: Pack) -> str:
    return pack.title_zh if language() == "zh" else pack.title


def _signed(fen: int) -> str:
    return yuan(fen) if fen < 0 else f"+{yuan(fen)}"


def _known() -> Policies:
    return load_policies(read_settings(profile="demo").packs_dir)


def _pack(named: str) -> Pack:
    """Return a pack by its id, or read from a file; a file need not be locked."""
    if named.endswith(".toml"):
        if not Path(named).is_file():
            raise VerbError(Reason.NOT_FOUND, f"{named}: there is no such file.", exit_code=4)
        return read_pack(Path(named))
    found = _known().packs.get(named)
    if found is None:
        raise _unknown(named)
    return found


def _unknown(named: str) -> VerbError:
    return VerbError(Reason.NOT_FOUND, f"{named}: there is no such pack.", exit_code=4, do="medcredit policy list")

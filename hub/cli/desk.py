"""`medcredit dlq`: dead letters and quarantine: seen, re-injected unchanged, dropped with a reason, set aside.

Listing goes through a running hub; deciding needs its settings, because bytes are unsealed and commands are made.
"""

import asyncio
import getpass
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer
from msgspec import structs

from hub.cli.desk_answers import DropAnswer, Dropped, ParkAnswer, ReplayAnswer, Replayed, ShownLetter
from hub.cli.hub_api import TOKEN, URL, HubApi, not_found, quoted
from hub.cli.layout import in_columns
from hub.cli.letters import Desk, Letter, RefusedByDeskError, open_desk
from hub.cli.masking import caret_below, masked_lines
from hub.cli.output import answer, language, note, say, say_as_it_is, speaks_json, state_word, voice
from hub.cli.texts import age, city_minute, letter_short, moment
from hub.cli.verbs import verb
from hub.cli.words import told, word
from hub.runtime.clock import Clock, open_clock
from hub.runtime.guomi.envelope import SealError
from hub.runtime.settings import Settings, read_settings
from hub.web.answers import DeadLetterAnswer, DeadLetterCount, DeadLetterSummary, Found, Page, Text
from schemas.commands import Command
from schemas.errors import setting_invalid
from schemas.reasons import REASONS, Reason, reason_text
from schemas.replies import Reply

dlq = typer.Typer(help="Dead letters and quarantine: seen, sent again, dropped.", no_args_is_help=True)
Ids = Annotated[list[str], typer.Argument(help="Ids of dead letters: in full, DL-…, or the beginning.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.add_typer(dlq, name="dlq")


@verb(dlq, "list")
def list_letters(
    url: URL = "",
    token: TOKEN = "",
    source: Annotated[str, typer.Option(help="Only this sender, as HIS@XMZSH.")] = "",
    reason: Annotated[str, typer.Option(help="Only this reason code.")] = "",
    interface: Annotated[str, typer.Option(help="Only this interface, as hl7 or quarantine.charge.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also what was re-injected or dropped.")] = False,
) -> None:
    """List open dead letters, newest first. Example: medcredit dlq list --reason AMOUNT_MISMATCH."""
    api, after = HubApi(url, token), ""
    found: list[DeadLetterSummary] = []
    while len(found) < limit:
        page = api.get("/dead-letters", Page[DeadLetterSummary], reason=reason, interface=interface, after=after)
        found += [each for each in page.items if (everything or each.status == "open") and source in ("", each.source)]
        after = page.next or ""
        if not after:
            break
    for line in letter_lines(found[:limit], everything=everything):
        say(line)
    if not found:
        note(told("none_fits"))
    answer(Page(tuple(found[:limit]), after or None))


@verb(dlq, "stats")
def stats(
    url: URL = "",
    token: TOKEN = "",
    source: Annotated[str, typer.Option(help="Only this sender, as HIS@XMZSH.")] = "",
) -> None:
    """Count dead letters by reason and source, with the age of the oldest open one. Example: medcredit dlq stats."""
    found = HubApi(url, token).get("/dead-letter-counts", Page[DeadLetterCount]).items
    chosen, wall = tuple(each for each in found if source in ("", each.source)), time.time_ns() // 1_000_000
    for line in in_columns([_counted(each, wall) for each in chosen]):
        say(line)
    sums = {"open": sum(each.open for each in chosen), "letters": sum(each.letters for each in chosen)}
    note(f"{told('open_of', **sums)}: medcredit dlq list")
    answer(Page(chosen))


@verb(dlq, "show")
def show_letter(
    identifier: Annotated[
        str, typer.Argument(metavar="ID", help="Id of a dead letter: in full, DL-…, or the beginning.")
    ],
    url: URL = "",
    token: TOKEN = "",
    *,
    raw: Annotated[
        bool, typer.Option("--raw", help="Its bytes too, masked token by token; needs the hub's keys.")
    ] = False,
) -> None:
    """Show one dead letter and every time it came. Example: medcredit dlq show DL-7C41AB02 --raw."""
    api = HubApi(url, token)
    letter = api.get(f"/dead-letters/{quoted(_full_id(api, identifier))}", DeadLetterAnswer)
    head = f"{letter_short(letter.id)}  {letter.reason.code}  {letter.source}"
    say(f"{head}  {letter.interface}  {word(letter.status)}")
    say(f"  {letter.id}")
    say(f"  {_sentence(letter.reason)}")
    if letter.detail or letter.position:
        say(f"  {letter.position}  {letter.detail}".rstrip())
    for each in letter.arrivals:
        say(f"  {told('came', at=moment(each.at), answer=each.reply_sent or '–')}")
    lines = asyncio.run(_original(read_settings(), letter)) if raw else ()
    for line in lines:
        say_as_it_is(line)
    answer(ShownLetter(letter, lines))


@verb(dlq, "replay")
def replay(
    identifiers: Ids,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Translate only; change nothing.")] = False,
) -> None:
    """Send dead letters again, unchanged, on the real path. Example: medcredit dlq replay DL-7C41AB02."""
    results = asyncio.run(_replayed(read_settings(), identifiers, dry_run=dry_run))
    for each in results:
        word = "FAIL" if each.refused else "OK"
        say(f"{state_word(word)} {letter_short(each.letter)}  {each.outcome}  {each.reference}  {each.text}".rstrip())
    answer(ReplayAnswer(not any(each.refused for each in results), results))
    sys.exit(3 if any(each.refused for each in results) else 0)


@verb(dlq, "drop")
def drop(
    identifiers: Ids, reason: Annotated[str, typer.Option(help="Why it will not be sent again; kept for ever.")]
) -> None:
    """Close dead letters that will not be sent again. Example: medcredit dlq drop DL-7C41AB02 --reason "a test"."""
    if not reason.strip():
        raise typer.BadParameter("--reason must say why")
    results = asyncio.run(_dropped(read_settings(), identifiers, reason.strip()))
    for each in results:
        word = "dropped" if each.now else "was dropped before"
        say(f"{state_word('OK')} {letter_short(each.letter)}  {word}: {each.reason}")
    answer(DropAnswer(results))


@verb(dlq, "park")
def park(
    partition: Annotated[int, typer.Argument(help="The lane that stopped.")],
    what: Annotated[str, typer.Argument(metavar="OFFSET|TIMER", help="An offset, or account:kind:subject of a timer.")],
) -> None:
    """Set aside what a lane cannot decide, as its log names it. Example: medcredit dlq park 3 88120."""
    settings = read_settings()
    if not 0 <= partition < settings.kafka.partitions:
        raise typer.BadParameter(f"there are lanes 0 to {settings.kafka.partitions - 1}")
    _confirm(f"Set aside {what} of lane {partition} undecided?")
    command = asyncio.run(_parked(settings, partition, what))
    say(f"{state_word('OK')} lane {partition} goes on behind {what}; it is a dead letter of the interface parked")
    answer(ParkAnswer(partition, what, command))


def _full_id(api: HubApi, identifier: str) -> str:
    key = identifier if len(identifier) == 32 else f"DL-{identifier.removeprefix('DL-')}"
    found = [each.id for each in api.get(f"/find/{quoted(key)}", Page[Found]).items if each.kind == "dead_letter"]
    if len(found) > 1:
        raise typer.BadParameter(f"several dead letters begin with {identifier}")
    if not found:
        raise not_found(identifier)
    return found[0]


async def _original(settings: Settings, letter: DeadLetterAnswer) -> tuple[str, ...]:
    """Return the masked lines of a letter's bytes, with carets below the field in fault."""
    from hub.cli.reinjection import Reinjector  # noqa: PLC0415 - the other verbs need no adapters

    async with open_desk(settings, "reader") as desk:
        kept = await desk.letter(letter.id)
    lines = masked_lines(Reinjector(settings, open_clock(settings)).original(kept))
    if lines is None:
        return (f"{letter.raw_length} bytes that cannot be masked, so none is shown · SM3 {letter.raw_sm3}",)
    if caret := caret_below(lines, letter.position):
        lines.insert(caret[0] + 1, caret[1])
    return tuple(lines)


async def _replayed(settings: Settings, identifiers: list[str], *, dry_run: bool) -> tuple[Replayed, ...]:
    clock = open_clock(settings)
    async with open_desk(settings) as desk:
        letters = [await desk.letter(each) for each in identifiers]
        if not dry_run:
            _confirm(f"Send {len(letters)} dead letters again?")
        return tuple([await _one(settings, clock, desk, letter, dry_run=dry_run) for letter in letters])


async def _one(settings: Settings, clock: Clock, desk: Desk, letter: Letter, *, dry_run: bool) -> Replayed:
    """Re-inject one letter; its refusal is a result, so that the others still get their turn."""
    try:
        return await _sent_again(settings, clock, desk, letter, dry_run=dry_run)
    except RefusedByDeskError as refused:
        text = reason_text(refused.reason, language(), refused.parameters)
        return Replayed(letter.id, outcome=refused.reason, refused=True, text=text)
    except SealError as broken:
        return Replayed(letter.id, outcome=Reason.NOT_REINJECTABLE, refused=True, text=str(broken))


async def _sent_again(settings: Settings, clock: Clock, desk: Desk, letter: Letter, *, dry_run: bool) -> Replayed:
    from hub.cli.reinjection import Reinjector  # noqa: PLC0415 - the other verbs need no adapters

    if letter.dropped is not None:
        raise RefusedByDeskError(Reason.DEAD_LETTER_CLOSED, {"status": "dropped"})
    reinjector = Reinjector(settings, clock)
    number = await desk.number(letter)
    command = await reinjector.command(letter, number, await desk.place(letter))
    if dry_run:
        return _result(letter, number, command, "DRY_RUN", f"would be {_kind(command.body)}")

    async def durable() -> None:
        await desk.note_replay(letter, number, command.id, getpass.getuser(), clock.wall())

    reply = await reinjector.send(command, durable)
    if reply is None:
        text = f"stored safely, not decided yet: medcredit find {command.id}"
        return _result(letter, number, command, "PENDING", text)
    return _decided(_result(letter, number, command, reply.code, ""), reply)


def _result(letter: Letter, number: int, command: Command, outcome: str, text: str) -> Replayed:
    return Replayed(letter.id, number, command.id, command.account, outcome, text=text)


def _decided(result: Replayed, reply: Reply) -> Replayed:
    known = reply.refused and reply.code in REASONS
    text = reason_text(Reason(reply.code), language(), reply.parameters) if known else ""
    if reply.repeated and not reply.refused:
        text = "booked before; nothing was posted again"
    reference = next((str(reply.result[name]) for name in ("charge", "bill", "id") if reply.result.get(name)), "")
    return structs.replace(result, refused=reply.refused, repeated=reply.repeated, reference=reference, text=text)


async def _dropped(settings: Settings, identifiers: list[str], reason: str) -> tuple[Dropped, ...]:
    clock = open_clock(settings)
    async with open_desk(settings) as desk:
        letters = [await desk.letter(each) for each in identifiers]
        results = []
        for letter in letters:
            now = await desk.drop(letter, reason, getpass.getuser(), clock.wall())
            results.append(Dropped(letter.id, now, reason if now else letter.dropped or reason))
        return tuple(results)


async def _parked(settings: Settings, partition: int, what: str) -> str:
    from aiokafka.errors import KafkaError, ProducerFenced  # noqa: PLC0415 - the other verbs open no lane

    from hub.policies import DEFAULT_LADDERS, load_policies  # noqa: PLC0415
    from hub.runtime.bus import unreachable  # noqa: PLC0415
    from streams.lanes.domain_rules import DomainRules  # noqa: PLC0415
    from streams.lanes.faults import InvariantError, LaneError  # noqa: PLC0415
    from streams.lanes.park import Parking, ParkRefusedError, TimerName  # noqa: PLC0415
    from streams.lanes.settings import lane_settings  # noqa: PLC0415

    policies = load_policies(settings.packs_dir, DEFAULT_LADDERS.shortened(settings.ladder_scale))
    parking = Parking(partition, lane_settings(settings), DomainRules(policies), open_clock(settings))
    try:
        if what.isdigit():
            return await parking.park_command(int(what))
        await parking.park_timer(TimerName.parse(what))
    except ParkRefusedError as refused:
        raise RefusedByDeskError(Reason.NOT_PARKED, {"why": str(refused)}) from refused
    except InvariantError as broken:
        raise setting_invalid(f"lane {partition}", str(broken), "A person must look; see its log.") from broken
    except (ProducerFenced, LaneError) as fenced:
        raise RefusedByDeskError(
            Reason.NOT_PARKED, {"why": "its worker opened it meanwhile: stop it first"}
        ) from fenced
    except (KafkaError, OSError, TimeoutError) as away:
        raise unreachable(settings.kafka) from away
    return ""


def _confirm(question: str) -> None:
    """Ask a person at a terminal; a script, --yes and --json are not asked."""
    if voice.yes or speaks_json() or not sys.stdin.isatty():
        return
    typer.confirm(question, abort=True, err=True)


def letter_lines(letters: Sequence[DeadLetterSummary], *, everything: bool = False) -> Iterator[str]:
    """Yield the list of letters, its columns as narrow as they can be; `everything` says each one's state too."""
    return in_columns([_row(each, everything=everything) for each in letters])


def _row(each: DeadLetterSummary, *, everything: bool) -> tuple[str, ...]:
    """Return one letter of the list; that it is open, or came once, goes without saying."""
    often = f"×{each.arrivals}" if each.arrivals > 1 else ""
    place, status = each.position or each.interface, word(each.status) if everything else ""
    return letter_short(each.id), each.reason.code, each.source, city_minute(each.at), place, often, status


def _counted(each: DeadLetterCount, wall: int) -> tuple[str, ...]:
    oldest = told("oldest", age=age(wall - each.oldest_open_wall_at)) if each.oldest_open_wall_at else ""
    often = f"×{each.arrivals}" if each.arrivals > each.letters else ""
    return (
        each.reason.code,
        each.source,
        each.interface,
        told("open_of", open=each.open, letters=each.letters),
        often,
        oldest,
    )


def _sentence(text: Text) -> str:
    return text.zh if language() == "zh" else text.en


def _kind(body: Any) -> str:
    return str(type(body).__struct_config__.tag)

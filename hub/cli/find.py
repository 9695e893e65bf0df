"""`medcredit find KEY`: whatever carries a key; exact keys on indexed columns, never words inside messages."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
import typer
from aiokafka import TopicPartition

from hub.cli.hub_api import TOKEN, URL, HubApi, not_found, quoted
from hub.cli.layout import in_columns
from hub.cli.output import answer, note, say
from hub.cli.texts import city_minute, moment, short_of
from hub.cli.verbs import verb
from hub.cli.words import word
from hub.runtime.reading import committed_records
from hub.runtime.settings import Settings, read_settings
from hub.web.answers import Found, Page
from schemas.commands import Command


class Logged(msgspec.Struct, frozen=True):
    """A command in the log, found by the control id its sender gave it."""

    command_id: str
    account: str
    source: str
    receipt_key: str
    kind: str
    accepted_at: int
    partition: int
    offset: int


class FindAnswer(msgspec.Struct, frozen=True):
    """Everything that carries the key, newest first; `logged` only with --log."""

    key: str
    items: tuple[Found, ...]
    logged: tuple[Logged, ...] = ()


def register(app: typer.Typer) -> None:
    """Add the verb."""
    verb(app, "find")(find)


def find(
    key: Annotated[
        str, typer.Argument(help="MSH-10, FT1-2, visit, order number, charge, bill, person or dead letter.")
    ],
    url: URL = "",
    token: TOKEN = "",
    *,
    log: Annotated[bool, typer.Option("--log", help="Read the log of commands too: finds any MSH-10, slowly.")] = False,
) -> None:
    """Find one message, charge, bill or order by any key it carries. Example: medcredit find ZS26070300000871."""
    found = HubApi(url, token).get(f"/find/{quoted(key)}", Page[Found]).items
    logged = asyncio.run(_logged(read_settings(), key)) if log else ()
    if not found and not logged:
        raise not_found(key)
    for line in in_columns(
        [(word(each.kind), short_of(each.kind, each.id), city_minute(each.at), each.id) for each in found]
    ):
        say(line)
    for command in logged:
        place = f"partition {command.partition} offset {command.offset} from {command.source}"
        say(f"{'command':<12} {command.kind:<12} {moment(command.accepted_at)}   {command.command_id} · {place}")
    answer(FindAnswer(key, found, logged))


async def _logged(settings: Settings, key: str) -> tuple[Logged, ...]:
    """Return the commands whose receipt key holds the control id: every record of the log is looked at."""
    note("Reading the log of commands")
    return tuple([each async for each in _commands(settings) if key in each.receipt_key.split("|")])


async def _commands(settings: Settings) -> AsyncIterator[Logged]:
    topic = settings.topics.commands
    places = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
    async for record in committed_records(settings.kafka, "find", places):
        yield _read(record)


def _read(record: Any) -> Logged:
    try:
        command = msgspec.json.decode(record.value, type=Command)
    except msgspec.DecodeError:
        return Logged("", "", "", "", "undecodable", record.timestamp, record.partition, record.offset)
    kind = str(type(command.body).__struct_config__.tag)
    return Logged(
        command.id,
        command.account,
        command.source,
        command.receipt_key,
        kind,
        command.accepted_at,
        record.partition,
        record.offset,
    )

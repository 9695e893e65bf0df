"""`medcredit tail`: live messages, decoded and masked; nothing of a person is in what is printed."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any, Final

import typer
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from hub.cli.output import answer_line, note, say, speaks_json
from hub.cli.tail_lines import STAGES, TailLine, decoded
from hub.cli.texts import clock_time
from hub.cli.verbs import verb
from hub.cli.words import told
from hub.runtime.bus import committed_consumer
from hub.runtime.settings import Settings, read_settings
from schemas.errors import TransportError
from schemas.reasons import Reason
from schemas.topics import Topic

_DURATION: Final = re.compile(r"(\d{1,6})(ms|s|m|h|d)", re.ASCII)
_UNITS_MS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    verb(app, "tail")(tail)


def tail(
    what: Annotated[str, typer.Argument(help=f"A topic, or a stage: {', '.join(STAGES)}; everything without it.")] = "",
    source: Annotated[str, typer.Option(help="Only this sender, as HIS@XMZSH.")] = "",
    code: Annotated[str, typer.Option(help="Only this outcome or reason code.")] = "",
    person: Annotated[str, typer.Option(help="Only this account: the full id or p_ and its beginning.")] = "",
    since: Annotated[str, typer.Option(help="Begin this long ago: 30s, 5m, 2h; else with what comes now.")] = "",
    count: Annotated[int, typer.Option(help="End after so many; 0 goes on until Ctrl-C.")] = 0,
    seconds: Annotated[float, typer.Option("--for", help="End after so many seconds; 0 goes on until Ctrl-C.")] = 0,
) -> None:
    """Follow messages as they come. Example: medcredit tail decision --source HIS@XMZSH --since 5m."""
    settings = read_settings()
    chosen = _topics(settings, what)
    stage = what if what in STAGES else ""
    wanted = _Wanted(stage, source, code, person.removeprefix("p_"))
    with suppress(TimeoutError):
        asyncio.run(_follow(settings, chosen, wanted, _since_ms(since), count, seconds))


class _Wanted:
    """Which lines are wanted; what is left empty does not filter."""

    def __init__(self, stage: str, source: str, code: str, person: str) -> None:
        self._stage, self._source, self._code, self._person = stage, source, code, person

    def takes(self, line: TailLine) -> bool:
        return (
            (not self._stage or line.stage == self._stage)
            and (not self._source or line.source == self._source)
            and (not self._code or self._code in (line.code, line.reason))
            and (not self._person or line.account.startswith(self._person))
        )


def _topics(settings: Settings, what: str) -> list[Topic]:
    registry = settings.topics
    if not what:
        return [registry.commands, registry.ledger, registry.errands, registry.dead_letters]
    if what in STAGES:
        return [getattr(registry, STAGES[what])]
    topic = registry.by_name(what)
    if topic is None:
        raise typer.BadParameter(f"{what} is neither a topic of the registry nor a stage: {', '.join(STAGES)}")
    if topic.entity == registry.accounts.entity:
        raise typer.BadParameter("accounts holds state, not messages: medcredit explain, or medcredit tail decision")
    return [topic]


def _since_ms(text: str) -> int | None:
    if not text:
        return None
    found = _DURATION.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"{text} is no duration: 30s, 5m, 2h, 1d")
    return int(found[1]) * _UNITS_MS[found[2]]


async def _follow(
    settings: Settings, chosen: list[Topic], wanted: _Wanted, since_ms: int | None, count: int, seconds: float
) -> None:
    shown = 0
    async with asyncio.timeout(seconds or None):
        async for line in _lines(settings, chosen, since_ms):
            if not wanted.takes(line):
                continue
            _print(line)
            shown += 1
            if shown == count:
                return


async def _lines(settings: Settings, chosen: list[Topic], since_ms: int | None) -> AsyncIterator[TailLine]:
    entities = {topic.name: topic.entity for topic in chosen}
    consumer = committed_consumer(settings.kafka, "tail")
    try:
        await consumer.start()
        places = [TopicPartition(topic.name, number) for topic in chosen for number in range(topic.partitions)]
        consumer.assign(places)
        await _begin(consumer, places, since_ms)
        note(told("following", topics=", ".join(entities)))
        while True:
            batches = await consumer.getmany(timeout_ms=500)
            for record in sorted((each for batch in batches.values() for each in batch), key=lambda r: r.timestamp):
                yield decoded(entities[record.topic], record)
    except (KafkaError, OSError) as error:
        raise TransportError(
            Reason.DEPENDENCY_UNREACHABLE, {"dependency": f"Kafka at {settings.kafka.bootstrap}"}
        ) from error
    finally:
        await consumer.stop()


async def _begin(consumer: Any, places: list[TopicPartition], since_ms: int | None) -> None:
    """Stand at the end of each partition, or at the first record of the time asked for."""
    starts = await consumer.end_offsets(places)
    if since_ms is not None:
        begin = time.time_ns() // 1_000_000 - since_ms
        found = await consumer.offsets_for_times(dict.fromkeys(places, begin))
        starts |= {place: each.offset for place, each in found.items() if each is not None}
    for place in places:
        consumer.seek(place, starts[place])


def _print(line: TailLine) -> None:
    if speaks_json():
        answer_line(line)
        return
    parts = [clock_time(line.at), f"{line.stage:<10}", line.code, line.source, line.short, line.text]
    say(" ".join(part for part in parts if part))

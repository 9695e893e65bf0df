"""`medcredit topics`: the topic registry against the cluster."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Annotated, Any, Final, Literal, TypeVar

import typer

from hub.cli.output import VerbError, answer, say, state_word
from hub.cli.verbs import verb
from hub.runtime.bus import check_topics, create_topics, end_offsets, group_lag
from hub.runtime.settings import Settings, read_settings
from schemas.commands import Struct
from schemas.reasons import Reason
from schemas.topics import Topic

T = TypeVar("T")
_DAY_MS: Final = 86_400_000
_Reader = Literal["streams", "courier", "relay"]
_READERS: Final[tuple[tuple[_Reader, str], ...]] = (
    ("streams", "commands"),
    ("courier", "errands"),
    ("relay", "errands"),
)
"""The groups that commit offsets; projector, views and web keep their positions with their own tables."""

topics = typer.Typer(help="The topic registry against the cluster.", no_args_is_help=True)


class TopicRow(Struct, frozen=True, omit_defaults=False):
    """A topic of the registry and how the cluster has it."""

    topic: str
    key: str
    carries: str
    partitions: int
    cleanup: str
    records: int | None
    """End offsets summed, transaction markers included; null where the topic is missing."""
    state: str
    """OK, or every difference in words."""
    remedy: str = ""


class TopicsAnswer(Struct, frozen=True, omit_defaults=False):
    """`topics list`, `topics show` and `topics check`."""

    ok: bool
    topics: tuple[TopicRow, ...]
    unknown: tuple[str, ...] = ()
    """Topics of our prefix that the registry does not have."""


class CreatedAnswer(Struct, frozen=True, omit_defaults=False):
    """`topics create`: the names that were missing."""

    created: tuple[str, ...]


class LagRow(Struct, frozen=True, omit_defaults=False):
    """How far one group is behind on one topic."""

    group: str
    topic: str
    lag: int
    by_partition: tuple[int, ...]


class LagAnswer(Struct, frozen=True, omit_defaults=False):
    """`topics lag`."""

    groups: tuple[LagRow, ...]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.add_typer(topics, name="topics")


@verb(topics, "list")
def list_topics() -> None:
    """List every topic with its records and state. Example: medcredit topics list."""
    found = _compared(read_settings())
    say(f"{'topic':<36} {'parts':>5} {'records':>10}  {'cleanup, kept':<14} state")
    for row in found.topics:
        records = "–" if row.records is None else f"{row.records:,}"
        say(f"{row.topic:<36} {row.partitions:>5} {records:>10}  {row.cleanup:<14} {row.state}")
    answer(found)


@verb(topics, "show")
def show_topic(
    name: Annotated[
        str, typer.Argument(help="Full name, entity or table: medcredit.ledger.v1, ledger, institution_risk.")
    ],
) -> None:
    """Show one topic with every setting the registry fixes. Example: medcredit topics show ledger."""
    settings = read_settings()
    topic = settings.topics.by_name(name)
    if topic is None:
        names = ", ".join(each.entity for each in settings.topics.all())
        raise VerbError(Reason.NOT_FOUND, f"{name} is no topic of the registry: {names}.", exit_code=4)
    found = _compared(settings)
    row = next(each for each in found.topics if each.topic == topic.name)
    say(f"{row.topic}   {row.carries}")
    say(f"key {row.key} · {row.partitions} partitions · replication {topic.replication} · {row.state}")
    for setting, value in topic.config.items():
        say(f"  {setting:<32} {value}")
    answer(TopicsAnswer(row.state == "OK", (row,)))


@verb(topics, "check")
def check() -> None:
    """Compare cluster and registry; exit 1 on a difference. Example: medcredit topics check."""
    found = _compared(read_settings())
    for row in found.topics:
        state = "OK" if row.state == "OK" else "FAIL"
        told = "" if state == "OK" else f"   {row.state}      {Reason.TOPIC_MISMATCH}      do: {row.remedy}"
        say(f"{state_word(state)} {row.topic}{told}")
    for name in found.unknown:
        say(f"{state_word('WARN')} {name}   is not in the registry      do: delete it if nothing else uses it")
    answer(found)
    sys.exit(0 if found.ok else 1)


@verb(topics, "create")
def create() -> None:
    """Create what is missing; existing topics are never changed. Example: medcredit topics create."""
    settings = read_settings()
    created = _run(create_topics(settings.kafka, settings.topics))
    for name in created:
        say(f"{state_word('OK')} {name} created")
    if not created:
        say(f"{state_word('OK')} nothing was missing")
    answer(CreatedAnswer(created))


@verb(topics, "lag")
def lag() -> None:
    """Show how far each reading group is behind. Example: medcredit topics lag."""
    found = _run(_lags(read_settings()))
    for row in found.groups:
        say(f"{row.group:<28} {row.topic:<30} lag {row.lag:>8,}")
        say(f"  by partition {' '.join(map(str, row.by_partition))}")
    answer(found)


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def _compared(settings: Settings) -> TopicsAnswer:
    return _run(_look(settings))


async def _look(settings: Settings) -> TopicsAnswer:
    found = await check_topics(settings.kafka, settings.topics)
    missing = {each.topic for each in found if each.kind == "missing"}
    rows = []
    for topic in settings.topics.all():
        faults = [each for each in found if each.topic == topic.name]
        records = None if topic.name in missing else sum((await _ends(settings, topic)).values())
        state = "; ".join(f"{each.have}, want {each.want}" for each in faults) or "OK"
        remedy = faults[0].remedy if faults else ""
        rows.append(
            TopicRow(topic.name, topic.key, topic.carries, topic.partitions, _cleanup(topic), records, state, remedy)
        )
    unknown = tuple(each.topic for each in found if each.kind == "unknown")
    return TopicsAnswer(all(row.state == "OK" for row in rows), tuple(rows), unknown)


async def _ends(settings: Settings, topic: Topic) -> dict[int, int]:
    return await end_offsets(settings.kafka, topic)


async def _lags(settings: Settings) -> LagAnswer:
    rows = []
    for role, entity in _READERS:
        topic: Topic = getattr(settings.topics, entity)
        group = settings.group(role)
        behind = await group_lag(settings.kafka, group, topic)
        lags = tuple(max(0, each.lag) for each in behind)  # the group may go on between the two questions
        rows.append(LagRow(group, topic.name, sum(lags), lags))
    return LagAnswer(tuple(rows))


def _cleanup(topic: Topic) -> str:
    if topic.compacted:
        return "compact"
    kept = int(topic.config["retention.ms"])
    return (
        "keep" if kept < 0 else f"delete, {kept // _DAY_MS} d" if kept >= _DAY_MS else f"delete, {kept // 3_600_000} h"
    )

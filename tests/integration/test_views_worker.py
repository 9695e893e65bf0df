"""The views worker on a real Kafka: exact sums under kills, repeats, aborted transactions and a second worker."""

import asyncio
import itertools
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from page_scenes import DAY_MS, HOUR_MS, Scene
from web_world import ViewsProcess, scenes, until, views_worker

from hub.runtime.bus import committed_consumer, group_lag
from hub.runtime.reading import committed_records
from hub.runtime.settings import Settings
from hub.web.live_tables import LiveTable, row_id
from schemas.facts import Fact, Facts
from schemas.topics import Topics
from schemas.views import ViewRow, row_key
from streams.views.committed import CommittedConsumerThread
from streams.views.sections import VIEWS_AFTER_PROGRESS, VIEWS_AFTER_ROWS
from streams.views.tables import StreamTable, stream_tables

pytestmark = pytest.mark.timeout(300)
RISK, HEAT = stream_tables()


async def table_of(settings: Settings, name: str) -> LiveTable:
    """Return the stream table as anyone with Kafka access reads it, up to now."""
    topic = settings.topics.views[name]
    partitions = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
    table = LiveTable(name, topic.partitions)
    async for record in committed_records(settings.kafka, "reader", partitions):
        table.apply(record.key, record.value)
    return table


def expected(table: StreamTable, lanes: list[Scene]) -> dict[str, dict[str, int]]:
    """Add up the facts a second time, straight from what the lanes wrote."""
    rows: dict[str, dict[str, int]] = {}
    for fact in itertools.chain.from_iterable(lane.facts for lane in lanes):
        addition = table.add(fact)
        if addition is not None:
            row = rows.setdefault(row_id(addition[0]), {})
            for key, amount in addition[1].items():
                row[key] = row.get(key, 0) + amount
    return rows


def held(table: LiveTable) -> dict[str, dict[str, int]]:
    """Return the table's sums by row over all partitions."""
    rows: dict[str, dict[str, int]] = {}
    for part in table.all_parts():
        row = rows.setdefault(row_id(part.dimensions), {})
        for key, amount in part.sums.items():
            row[key] = row.get(key, 0) + amount
    return rows


async def all_exact(settings: Settings, lanes: list[Scene], seconds: float = 150) -> None:
    """Wait until both tables hold exactly what was written, then look once more: they stay so."""
    await until(lambda: is_exact(settings, lanes), seconds)
    await asyncio.sleep(0.5)
    for table in (RISK, HEAT):
        assert held(await table_of(settings, table.name)) == expected(table, lanes)


async def is_exact(settings: Settings, lanes: list[Scene]) -> bool:
    """Say whether both tables hold exactly what was written."""
    same = [held(await table_of(settings, table.name)) == expected(table, lanes) for table in (RISK, HEAT)]
    return all(same)


async def traffic(lane: Scene, transactions: int) -> None:
    """Write transactions of a few charges each, as a lane under load."""
    for number in range(transactions):
        await lane.commit(*(lane.charge(hours=number % 2) for _ in range(1 + number % 3)))
        await asyncio.sleep(0.005)


async def test_sums_are_exact_when_the_worker_is_killed_again_and_again(
    settings: Settings, hub_topics: Topics, tmp_path: Path
):
    """Three times kill -9 under load: no fact is missing and none counts twice."""
    async with scenes(settings, 4) as lanes, views_worker(settings, tmp_path) as worker:
        load = [asyncio.create_task(traffic(lane, 120)) for lane in lanes]
        for _ in range(3):
            await asyncio.sleep(0.7)
            worker.kill()
            await worker.start()
        await asyncio.gather(*load)
        await all_exact(settings, lanes)
        assert worker.stop() == 0
    assert hub_topics.facts.name


@pytest.mark.parametrize("section", [VIEWS_AFTER_ROWS, VIEWS_AFTER_PROGRESS])
async def test_a_worker_killed_inside_a_critical_section_is_exact(
    settings: Settings, hub_topics: Topics, tmp_path: Path, section: str
):
    """Killed between rows and progress, or between progress and acknowledgement: its successor adds nothing twice."""
    async with scenes(settings, 2) as lanes:
        worker = ViewsProcess(settings, tmp_path / "stretched.log", stretch={section: 3000})
        try:
            await worker.start()
            await asyncio.gather(*(traffic(lane, 60) for lane in lanes))
            await worker.inside(section)
        finally:
            worker.kill()
        assert not await is_exact(settings, lanes), "the fault hit nothing: everything was written before"
        async with views_worker(settings, tmp_path):
            await all_exact(settings, lanes)
    assert hub_topics.facts.name


async def test_a_fetch_under_way_leaves_alone_what_it_was_not_asked_for(settings: Settings, hub_topics: Topics):
    """When its tables are restored Faust empties the set a fetch under way was given; aiokafka takes that for all.

    The facts it then handed out were thrown away, and nothing read them again before the first commit.
    """
    thread = CommittedConsumerThread.__new__(CommittedConsumerThread)  # without an app and its loop
    thread.consumer = SimpleNamespace(flow_active=True)
    restored, waiting = (TopicPartition(hub_topics.facts.name, number) for number in range(2))
    consumer = committed_consumer(settings.kafka, "views")
    await consumer.start()
    try:
        async with scenes(settings, 2) as lanes:
            consumer.assign([restored, waiting])
            await consumer.seek_to_beginning()
            wanted = {restored}
            fetching = asyncio.ensure_future(thread._fetch_records(consumer, wanted, timeout=3.0))
            await asyncio.sleep(0.2)
            wanted.clear()
            await lanes[1].commit(lanes[1].charge())
            assert await fetching == {}
            assert await thread._fetch_records(consumer, wanted, timeout=0.5) == {}
            assert list(await thread._fetch_records(consumer, {waiting}, timeout=10.0)) == [waiting]
    finally:
        await consumer.stop()


async def test_a_row_that_a_late_writer_put_behind_a_newer_one_is_written_again(
    settings: Settings, hub_topics: Topics, tmp_path: Path
):
    """A worker that slept wrote what it had; compaction keeps the last record, so the newer row must be it again."""
    topic = hub_topics.views[RISK.name].name
    newer, late = (ViewRow(1, offset, 5, 5, ("XMZSH",), {"count": offset}) for offset in (20, 14))
    async with AIOKafkaProducer(**settings.kafka.client_arguments()) as producer:
        for row in (newer, late):
            value = msgspec.json.encode(row)
            await producer.send_and_wait(topic, value, row_key(1, ("XMZSH",)), partition=1)
    async with views_worker(settings, tmp_path):
        partitions = {TopicPartition(topic, 1)}
        records = [record async for record in committed_records(settings.kafka, "reader", partitions)]
    assert [msgspec.json.decode(record.value, type=ViewRow) for record in records] == [newer, late, newer]


async def test_what_a_returning_worker_wrote_late_is_repaired_by_the_workers_that_went_on(
    settings: Settings, hub_topics: Topics, tmp_path: Path
):
    """Older rows and progress stand behind the newer ones; the next to join makes all restore, and they are last again.

    Of the four partitions some stay with the worker that goes on, others move to the one that joins.
    """
    name = hub_topics.views[RISK.name].name
    async with scenes(settings, 4) as lanes, views_worker(settings, tmp_path):
        await asyncio.gather(*(traffic(lane, 3) for lane in lanes))
        await all_exact(settings, lanes)
        newer = await last_rows(settings, name)
        async with AIOKafkaProducer(**settings.kafka.client_arguments()) as producer:
            for key, row in newer.items():
                late = msgspec.structs.replace(row, offset=row.offset - 1, sums=dict.fromkeys(row.sums, 0))
                await producer.send_and_wait(name, msgspec.json.encode(late), key, partition=row.partition)
        assert len({row.partition for row in newer.values()}) == 4
        assert await last_rows(settings, name) != newer
        async with views_worker(settings, tmp_path, "returned"):

            async def repaired() -> bool:
                return await last_rows(settings, name) == newer

            await until(repaired, 60)


async def last_rows(settings: Settings, name: str) -> dict[bytes, ViewRow]:
    """Return the last record of each key: what compaction leaves of the topic."""
    partitions = [TopicPartition(name, number) for number in range(settings.kafka.partitions)]
    return {
        record.key: msgspec.json.decode(record.value, type=ViewRow)
        async for record in committed_records(settings.kafka, "reader", partitions)
    }


async def test_facts_read_a_second_time_change_nothing(settings: Settings, hub_topics: Topics, tmp_path: Path):
    """The group's offsets are set back to the beginning: everything is read again and recognised."""
    async with scenes(settings, 2) as lanes:
        async with views_worker(settings, tmp_path) as worker:
            await asyncio.gather(*(traffic(lane, 40) for lane in lanes))
            await all_exact(settings, lanes)
            worker.stop()
        await forget_progress(settings)
        async with views_worker(settings, tmp_path):
            await traffic(lanes[0], 5)
            await all_exact(settings, lanes)
    assert hub_topics.facts.name


async def forget_progress(settings: Settings) -> None:
    """Commit offset 0 for every partition of the facts in the name of the views' group."""
    partitions = [TopicPartition(settings.topics.facts.name, number) for number in range(settings.kafka.partitions)]
    consumer = AIOKafkaConsumer(
        **settings.kafka.client_arguments(), group_id=settings.group("views"), enable_auto_commit=False
    )
    await consumer.start()
    consumer.assign(partitions)
    await consumer.commit(dict.fromkeys(partitions, 0))
    await consumer.stop()


async def test_facts_of_aborted_transactions_never_count(settings: Settings, hub_topics: Topics, tmp_path: Path):
    """Every second transaction is aborted, as by a lane that died: its facts are in no sum."""
    async with scenes(settings, 1) as lanes, views_worker(settings, tmp_path):
        producer = AIOKafkaProducer(
            **settings.kafka.client_arguments(), transactional_id=f"{settings.topic_prefix}-dies"
        )
        await producer.start()
        poison = Facts(
            0, lanes[0].now, lanes[0].wall, (Fact("XMZSH", "内科", 0, "outpatient", "POSTED", "p", lines=10**6),)
        )
        for _ in range(30):
            await producer.begin_transaction()
            await producer.send_and_wait(hub_topics.facts.name, msgspec.json.encode(poison), partition=0)
            await producer.abort_transaction()
            await lanes[0].commit(lanes[0].charge())
        await producer.stop()
        await all_exact(settings, lanes)


async def test_commits_pass_the_markers_of_many_small_transactions(
    settings: Settings, hub_topics: Topics, tmp_path: Path
):
    """After 150 transactions a partition the group's lag falls to the trailing markers."""
    async with scenes(settings, 2) as lanes, views_worker(settings, tmp_path):
        await asyncio.gather(*(traffic(lane, 150) for lane in lanes))

        async def caught_up() -> bool:
            lags = await group_lag(settings.kafka, settings.group("views"), hub_topics.facts)
            return all(each.lag <= 2 for each in lags if each.end)

        await until(caught_up, 60)


async def test_a_second_worker_takes_over_and_nothing_is_lost(settings: Settings, hub_topics: Topics, tmp_path: Path):
    """A second worker joins under load, the first is killed: the sums stay exact."""
    async with scenes(settings, 4) as lanes, views_worker(settings, tmp_path) as first:
        load = [asyncio.create_task(traffic(lane, 150)) for lane in lanes]
        await asyncio.sleep(0.5)
        async with views_worker(settings, tmp_path, "second"):
            await asyncio.sleep(0.5)
            first.kill()
            await asyncio.gather(*load)
            await all_exact(settings, lanes)
    assert hub_topics.facts.name


async def test_hours_older_than_the_table_keeps_leave_the_heatmap(
    settings: Settings, hub_topics: Topics, tmp_path: Path
):
    """Fifteen city days later the first hour's rows are taken out of the topic; the institution's sums stay."""
    async with scenes(settings, 1) as lanes, views_worker(settings, tmp_path):
        lane = lanes[0]
        begun = lane.now - lane.now % HOUR_MS
        await lane.commit(lane.charge(institution="XMZSH"))
        lane.now += 15 * DAY_MS
        await lane.commit(lane.charge(institution="XMZSH"))
        lane.now += HOUR_MS

        async def given_up() -> bool:
            await lane.commit(lane.charge(institution="XMZSH"))
            rows = (await table_of(settings, "resource_heatmap")).rows()
            return bool(rows) and all(int(str(row["city_hour"])) > begun for row in rows)

        await until(given_up, 60)
        (risk,) = (await table_of(settings, "institution_risk")).rows()
        assert int(str(risk["decisions"])) <= len(lane.facts)
        await until(lambda: _risk_is(settings, lanes), 60)
    assert hub_topics.facts.name


async def _risk_is(settings: Settings, lanes: list[Scene]) -> bool:
    return held(await table_of(settings, "institution_risk")) == expected(RISK, lanes)

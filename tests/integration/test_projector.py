"""The projector on a real Kafka and PostgreSQL: exact under faults, woken predecessors, planted errors."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from ledger_samples import START, LedgerWriter, dead_letter

from hub.runtime.bus import committed_consumer, durable_producer
from hub.runtime.database import connect
from hub.runtime.metrics import REGISTRY
from hub.runtime.migrations import migrate
from hub.runtime.settings import Settings
from infra.postgres import EmbeddedPostgres
from schemas.commands import Item
from schemas.events import PostedLine
from schemas.topics import Topics
from streams.projection.batches import Batch
from streams.projection.books import Advance, Books, Place, Position
from streams.projection.faults import DisagreementError, SupersededError
from streams.projection.rows import add_ledger_record, new_rows
from streams.projection.worker import Projector

WAIT_SECONDS = 40


@asynccontextmanager
async def running(
    settings: Settings, dsn: str, kind: type[Projector] = Projector, group: str = "projector"
) -> AsyncIterator[tuple[Projector, "asyncio.Task[None]"]]:
    """A projector at work in this process; it is stopped gracefully, unless it ended by itself."""
    consumer = committed_consumer(settings.kafka, "projector", group=f"{settings.topic_prefix}.{group}")
    await consumer.start()
    books = Books(dsn)
    projector = kind(consumer, books, settings.topics.ledger.name, settings.topics.dead_letters.name)
    task = asyncio.create_task(projector.run())
    try:
        yield projector, task
    finally:
        projector.stop()
        with contextlib.suppress(SupersededError, DisagreementError, asyncio.CancelledError):
            await task
        await consumer.stop()
        await books.close()


@asynccontextmanager
async def lane(settings: Settings, name: str) -> AsyncIterator[AIOKafkaProducer]:
    """A transactional producer as a lane has one."""
    producer = AIOKafkaProducer(
        **settings.kafka.client_arguments(), transactional_id=f"{settings.topic_prefix}-{name}", linger_ms=0
    )
    await producer.start()
    yield producer
    await producer.stop()


async def publish(
    settings: Settings, writer: LedgerWriter, count: int, batch: int = 20, on_each: Callable[[], None] = lambda: None
) -> None:
    """Write `count` ledger records in transactions, an aborted one between each two, as after a lane's crash."""
    topic = settings.topics.ledger.name
    async with lane(settings, str(writer.partition)) as producer:
        for begin in range(0, count, batch):
            await producer.begin_transaction()
            await producer.send_and_wait(topic, b"{}", key=b"aborted", partition=writer.partition)
            await producer.abort_transaction()
            async with producer.transaction():
                for _ in range(min(batch, count - begin)):
                    key, value = writer.record()
                    await producer.send(topic, value, key=key, partition=writer.partition)
            on_each()
            await asyncio.sleep(0)


async def append(settings: Settings, writer: LedgerWriter, count: int) -> None:
    """Write records outside transactions: their offsets have no holes, so one off by one hits a record."""
    async with durable_producer(settings.kafka, "append") as producer:
        for _ in range(count):
            key, value = writer.record()
            await producer.send_and_wait(settings.topics.ledger.name, value, key=key, partition=writer.partition)


async def counted(dsn: str, statement: str) -> int:
    """Ask one number of the books."""
    reader = await connect(dsn, "reader")
    try:
        return int(await reader.fetchval(statement))
    finally:
        await reader.close()


async def until(dsn: str, statement: str, expected: int, *tasks: "asyncio.Task[None]") -> None:
    """Wait until the books answer `expected`; a task that ended raises its error at once."""
    async with asyncio.timeout(WAIT_SECONDS):
        while await counted(dsn, statement) < expected:
            for task in tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(0.05)
    assert await counted(dsn, statement) == expected


RECORDS = "SELECT count(*) FROM ledger"


async def assert_exact(dsn: str, writers: list[LedgerWriter]) -> None:
    """The books hold every record of the writers once, the journal every fen, current rows the newest state."""
    reader = await connect(dsn, "reader")
    assert await reader.fetchval(RECORDS) == sum(writer.count for writer in writers)
    assert await reader.fetchval("SELECT sum(amount_fen) FROM journal") == sum(w.posted_fen for w in writers)
    assert await reader.fetchval("SELECT sum(amount_fen) FROM charge_lines") == sum(w.posted_fen for w in writers)
    persons = await reader.fetch("SELECT account, seq, used_fen, prepayments FROM persons")
    assert {row["account"]: row["seq"] for row in persons} == {a: s for w in writers for a, s in w.seqs.items()}
    assert all(row["used_fen"] == row["seq"] * 100 for row in persons)
    heads = await reader.fetch("SELECT partition, chain_head FROM offsets WHERE topic LIKE '%ledger%'")
    assert {row["partition"]: row["chain_head"] for row in heads} | {w.partition: w.head for w in writers} == {
        row["partition"]: row["chain_head"] for row in heads
    }
    await reader.close()


@pytest.fixture
async def books_dsn(database: str, hub_topics: Topics) -> str:  # noqa: ARG001 - the topics must be there
    """A migrated database, and topics beside it."""
    await migrate(database)
    return database


async def test_records_of_all_partitions_and_months_arrive_once(settings: Settings, books_dsn: str):
    """Committed records only, over three months of city time; dead letters with every arrival."""
    writers = [LedgerWriter(partition, step_ms=6 * 3_600_000) for partition in range(4)]
    await asyncio.gather(*(publish(settings, writer, 300) for writer in writers))
    async with lane(settings, "edge") as producer, producer.transaction():
        for number in (1, 2, 2, 3):
            await producer.send(settings.topics.dead_letters.name, dead_letter(number), key=b"mllp")
    async with running(settings, books_dsn) as (projector, task):
        await until(books_dsn, RECORDS, 1200, task)
        await until(books_dsn, "SELECT count(*) FROM dead_letter_arrivals", 4, task)
        assert projector.ready
    await assert_exact(books_dsn, writers)
    assert await counted(books_dsn, "SELECT count(*) FROM dead_letters") == 3
    months = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'books.ledger'::regclass"
    assert await counted(books_dsn, months) == 3


async def test_projectors_that_come_and_go_lose_and_repeat_nothing(settings: Settings, books_dsn: str):
    """Members join, leave and are cut off in the middle of their work while records arrive."""
    writers = [LedgerWriter(partition) for partition in range(4)]
    loads = [asyncio.create_task(publish(settings, writer, 1500)) for writer in writers]
    async with running(settings, books_dsn) as (_, first):
        for round_ in range(4):
            async with running(settings, books_dsn) as (_, second):
                await asyncio.sleep(0.7)
                if round_ % 2:
                    second.cancel()  # as cut off: no drain, its transaction is rolled back
        await asyncio.gather(*loads)
        await until(books_dsn, RECORDS, 6000, first)
    await assert_exact(books_dsn, writers)


async def test_the_lag_grows_while_the_books_take_nothing_and_is_hidden_when_the_partition_goes(
    settings: Settings, books_dsn: str
):
    """A batch is held up while more is written: the gauge follows the log; with the projector its lines are gone."""
    goes_on, labels = asyncio.Event(), {"topic": settings.topics.ledger.name, "partition": "0"}

    class HeldUp(Projector):
        async def _write(self, batch: Batch) -> None:
            await goes_on.wait()
            await super()._write(batch)

    def lag() -> float | None:
        return REGISTRY.get_sample_value("medcredit_projector_lag", labels)

    writer = LedgerWriter(0)
    await publish(settings, writer, 20)
    async with running(settings, books_dsn, HeldUp) as (projector, task):
        async with asyncio.timeout(WAIT_SECONDS):
            while not lag():  # noqa: ASYNC110 - a fetch announces nothing
                await asyncio.sleep(0.05)
        before = lag()
        await publish(settings, writer, 20)
        async with asyncio.timeout(WAIT_SECONDS):
            while lag() == before:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.05)
        goes_on.set()
        await until(books_dsn, RECORDS, 40, task)
        async with asyncio.timeout(WAIT_SECONDS):
            while lag() > 1:  # noqa: ASYNC110 - the end marker of the last transaction is no record
                await asyncio.sleep(0.05)
        assert projector.ready
    assert lag() is None


async def test_a_woken_predecessor_cannot_write(settings: Settings, books_dsn: str):
    """Two that believe they own a partition: the second to write the same step hears it and writes nothing."""
    place, writer = Place(settings.topics.ledger.name, 0), LedgerWriter(0)
    values = [writer.record()[1] for _ in range(3)]
    predecessor, successor = Books(books_dsn), Books(books_dsn)
    await predecessor.positions({place: 0})

    async def write(books: Books, expected: int, until_: int) -> None:
        rows = new_rows()
        for offset in range(expected, until_):
            add_ledger_record(rows, 0, offset, values[offset])
        await books.write([Advance(place, expected, Position(until_))], rows)

    await write(successor, 0, 3)
    with pytest.raises(SupersededError):
        await write(predecessor, 0, 2)
    with pytest.raises(SupersededError):
        await write(predecessor, 2, 3)
    assert (await successor.positions({place: 0}))[place] == Position(3)
    assert await counted(books_dsn, RECORDS) == 3
    await predecessor.close()
    await successor.close()


async def test_a_predecessor_frozen_inside_its_transaction_is_cut_off(settings: Settings, books_dsn: str):
    """Its locks end after the server's idle limit; the successor then goes on, and the frozen one cannot commit."""
    place = Place(settings.topics.ledger.name, 0)
    books = Books(books_dsn)
    await books.positions({place: 0})
    frozen = await connect(books_dsn, "writer")
    await frozen.execute("SET idle_in_transaction_session_timeout = '1s'")
    transaction = frozen.transaction()
    await transaction.start()
    await frozen.execute("UPDATE offsets SET next = 99")
    assert (await books.positions({place: 0}))[place].next == 0
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)):
        await transaction.commit()  # which of them, is a race with the server's last word
    await books.close()


async def test_an_older_state_never_replaces_a_newer_one(settings: Settings, books_dsn: str):
    """Current-state rows keep the highest sequence, also within one batch that holds an account twice."""
    writer, place = LedgerWriter(0, accounts=1), Place(settings.topics.ledger.name, 0)
    values = [writer.record()[1] for _ in range(4)]
    books = Books(books_dsn)
    await books.positions({place: 0})
    for step, offsets in enumerate(((2, 3), (0, 1))):
        rows = new_rows()
        for offset in offsets:
            add_ledger_record(rows, 0, offset, values[offset])
        await books.write([Advance(place, step, Position(step + 1))], rows)
    assert await counted(books_dsn, "SELECT seq FROM persons") == 4
    assert await counted(books_dsn, "SELECT revision FROM bills") == 4
    assert await counted(books_dsn, RECORDS) == 4
    await books.close()


@pytest.mark.parametrize("slip", [-1, 1])
async def test_a_position_off_by_one_is_caught(settings: Settings, books_dsn: str, slip: int):
    """Planted fault: a projector that stores one too few or too many stops its successor with 78."""

    class OffByOne(Projector):
        async def _write(self, batch: Batch) -> None:
            for n, step in enumerate(batch.advances):
                wrong = Position(step.to.next + slip, step.to.chain_head)
                batch.advances[n] = Advance(step.place, step.expected, wrong)
            await super()._write(batch)

    writer = LedgerWriter(0)
    await append(settings, writer, 40)
    async with running(settings, books_dsn, OffByOne) as (_, first):
        await until(books_dsn, RECORDS, 40, first)
    await append(settings, writer, 2)
    async with running(settings, books_dsn) as (_, second):
        with pytest.raises(DisagreementError, match="the record follows"):
            await asyncio.wait_for(second, WAIT_SECONDS)
        assert second.exception().exit_code == 78


async def test_an_altered_record_is_caught(settings: Settings, books_dsn: str):
    """A record whose content does not give its hash stops the projector with 78 and is not written."""
    writer = LedgerWriter(0)
    key, value = writer.record()
    async with lane(settings, "0") as producer, producer.transaction():
        await producer.send(settings.topics.ledger.name, value.replace(b"POSTED", b"HELD"), key=key, partition=0)
    async with running(settings, books_dsn) as (_, task):
        with pytest.raises(DisagreementError, match="does not give its hash"):
            await asyncio.wait_for(task, WAIT_SECONDS)
    assert await counted(books_dsn, RECORDS) == 0


async def test_a_line_under_two_accounts_becomes_one_incident(settings: Settings, books_dsn: str):
    """The same institution and line key in two accounts, in two partitions: one incident naming both."""
    line = PostedLine("F-77", 500, Item("X"), START)
    writers = [LedgerWriter(partition, accounts=1, seed=partition) for partition in range(2)]
    for writer in writers:
        writer._line = lambda *_: line
        writer.lines = 1
    await asyncio.gather(*(publish(settings, writer, 2) for writer in writers))
    async with running(settings, books_dsn) as (_, task):
        await until(books_dsn, RECORDS, 4, task)
    reader = await connect(books_dsn, "reader")
    incidents = await reader.fetch("SELECT kind, line_key, account, first_account FROM incidents")
    await reader.close()
    accounts = {name for writer in writers for name in writer.seqs}
    assert [(row["kind"], row["line_key"]) for row in incidents] == [("LINE_IN_TWO_ACCOUNTS", "F-77")]
    assert {incidents[0]["account"], incidents[0]["first_account"]} == accounts


async def test_text_with_nul_does_not_stop_the_books(settings: Settings, books_dsn: str):
    """PostgreSQL keeps no NUL: the columns show a replacement, the record keeps what came."""
    writer = LedgerWriter(0, accounts=1)
    topic = settings.topics.ledger.name
    async with lane(settings, "0") as producer, producer.transaction():
        key, value = writer.record(sender="HIS\0@\\u0000")
        await producer.send(topic, value, key=key, partition=0)
    async with running(settings, books_dsn) as (_, task):
        await until(books_dsn, RECORDS, 1, task)
    reader = await connect(books_dsn, "reader")
    row = await reader.fetchrow("SELECT sender, record FROM ledger")
    await reader.close()
    assert row["sender"] == "HIS\ufffd@\\u0000"
    assert row["record"].encode() == value


async def test_books_that_are_away_are_waited_for(
    settings: Settings,
    hub_topics: Topics,  # noqa: ARG001 - the topics must be there
    own_postgres: EmbeddedPostgres,
    tmp_path: Path,
):
    """PostgreSQL killed and restarted under load: the projector stays up, not ready meanwhile, and loses nothing."""
    dsn = await asyncio.to_thread(own_postgres.start, tmp_path / "own")
    await migrate(dsn)
    writer = LedgerWriter(0)
    async with running(settings, dsn) as (projector, task):
        load = asyncio.create_task(publish(settings, writer, 9000))
        for _ in range(2):
            await asyncio.sleep(0.6)
            await asyncio.to_thread(own_postgres.kill)
            await asyncio.sleep(1.0)
            assert not projector.ready
            assert not task.done()
            await asyncio.to_thread(own_postgres.restart)
        await load
        await until(dsn, RECORDS, 9000, task)
        assert projector.ready
    await assert_exact(dsn, [writer])


async def test_very_long_keys_of_a_sender_do_not_stop_the_books(settings: Settings, books_dsn: str):
    """A line key of 4,000 characters is kept in the record, cut in the columns, and still told apart."""
    keys = ["F" * 4000 + end for end in ("1", "2")]
    writer = LedgerWriter(0, accounts=1, lines=2)
    writer._line = lambda _account, _seq, n: PostedLine(keys[n], 500, Item("X"), START)
    await append(settings, writer, 1)
    async with running(settings, books_dsn) as (_, task):
        await until(books_dsn, RECORDS, 1, task)
    assert await counted(books_dsn, "SELECT count(DISTINCT line_key) FROM line_keys") == 2
    assert await counted(books_dsn, "SELECT max(length(line_key)) FROM charge_lines") < 300


async def test_a_very_long_subject_of_a_record_does_not_stop_the_books(settings: Settings, books_dsn: str):
    """What a record is about may be a visit number of any length that no index could hold as it is."""
    writer = LedgerWriter(0, accounts=1)
    subject = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(4000))
    async with lane(settings, "0") as producer, producer.transaction():
        key, value = writer.record(reference=subject)
        await producer.send(settings.topics.ledger.name, value, key=key, partition=0)
    async with running(settings, books_dsn) as (_, task):
        await until(books_dsn, RECORDS, 1, task)
    assert await counted(books_dsn, "SELECT max(length(reference)) FROM ledger") < 300


async def test_books_that_are_ahead_of_the_log_are_not_written(settings: Settings, books_dsn: str):
    """A log restored from an older copy ends before the books: the projector stops with 78 instead of going on."""
    writer = LedgerWriter(0)
    await append(settings, writer, 3)
    hand = await connect(books_dsn, "writer")
    await hand.execute("INSERT INTO offsets (topic, partition, next) VALUES ($1, 0, 4)", settings.topics.ledger.name)
    await hand.close()
    async with running(settings, books_dsn) as (_, task):
        with pytest.raises(DisagreementError, match="holds 0 to 3"):
            await asyncio.wait_for(task, WAIT_SECONDS)
    assert await counted(books_dsn, RECORDS) == 0

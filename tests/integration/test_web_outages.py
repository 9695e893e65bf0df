"""The web role while Kafka or PostgreSQL is away: what needs it says so, the rest goes on, and all catches up."""

from pathlib import Path

import aiohttp
import pytest
from page_scenes import posted
from web_world import own_database, read_side, until

from hub.roles.web import serve
from hub.runtime.settings import read_settings
from infra.kafka import EmbeddedKafka
from infra.postgres import EmbeddedPostgres
from infra.processes import free_port

pytestmark = pytest.mark.timeout(240)


async def test_without_kafka_the_books_are_still_answered(postgres: str, tmp_path: Path):
    """No broker answers from the start: charges can be read, the tables say that they are not complete."""
    async with own_database(postgres) as dsn:
        settings = read_settings(
            profile="demo",
            kafka={"bootstrap": f"127.0.0.1:{free_port()}", "partitions": 4},
            postgres={"dsn": dsn},
            run_dir=tmp_path,
            web={"port": 0},
        )
        async with serve(settings) as running, aiohttp.ClientSession() as session:
            async with session.get(f"http://{running.address}/api/v1/charges") as answer:
                assert (answer.status, await answer.json()) == (200, {"items": [], "next": None})
            async with session.get(f"http://{running.address}/api/v1/views/institution_risk") as answer:
                assert (await answer.json())["as_of"]["restoring"] is True
            async with session.get(f"http://{running.address}/readyz") as answer:
                assert answer.status == 503


async def test_a_killed_broker_makes_figures_old_and_its_return_makes_them_whole(
    own_kafka: EmbeddedKafka, postgres: str, tmp_path: Path
):
    """The age grows while the broker is away; charges posted after its return arrive without anyone's help."""
    bootstrap = own_kafka.start(tmp_path / "kafka")
    async with read_side(bootstrap, postgres, tmp_path, lanes=1) as side:
        lane, live = side.lanes[0], side.running.live
        await lane.commit(lane.charge())
        await side.settled()
        own_kafka.restart(kill=True)
        away = live.confirmed_wall

        async def confirmed_again() -> bool:
            return live.confirmed_wall > away + 2000

        await until(confirmed_again, 60)
        await lane.stop()
        await lane.start()
        await lane.commit(lane.charge())

        async def arrived() -> bool:
            rows = live.tables["institution_risk"].rows()
            return sum(int(str(row["decisions"])) for row in rows) == len(lane.facts)

        await until(arrived, 90)


async def test_without_postgres_reads_are_refused_as_busy_and_the_stream_goes_on(
    own_postgres: EmbeddedPostgres, kafka: str, tmp_path: Path
):
    """PostgreSQL is killed: a read is refused with a retriable code, live figures still move; then it is back."""
    dsn = own_postgres.start(tmp_path / "postgres")
    async with read_side(kafka, dsn, tmp_path, lanes=1) as side, aiohttp.ClientSession() as session:
        lane = side.lanes[0]
        record, fact = lane.charge()
        await lane.commit((record, fact))
        await side.settled()
        url = f"{side.url}/api/v1/charges/{posted(record).charge}"
        own_postgres.kill()
        async with session.get(url) as answer:
            body = await answer.json(content_type=None)
            assert (answer.status, body["code"], body["retriable"]) == (503, "DEPENDENCY_UNREACHABLE", True)
            assert answer.headers["Retry-After"]
        await lane.commit(lane.charge())

        async def moved() -> bool:
            rows = side.running.live.tables["institution_risk"].rows()
            return sum(int(str(row["decisions"])) for row in rows) == 2

        await until(moved, 60)
        own_postgres.restart()

        async def answered() -> bool:
            async with session.get(url) as answer:
                return answer.status == 200

        await until(answered, 60)
        await side.settled(30)

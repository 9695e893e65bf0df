"""What a role says when it must not start: one line with code, setting and remedy, exit status 78 or 69, no trace."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from cli_world import run
from pydantic import SecretStr

from hub.roles.web import serve
from hub.runtime.http_sources import SHIPPED, demo_token, load_http_sources
from hub.runtime.migrations import load_migrations, migrate
from hub.runtime.settings import DEMO_CITY_KEY, PostgresSettings, Settings, read_settings
from hub.runtime.start_checks import NEEDS, check_start
from infra.processes import free_port
from schemas.errors import ConfigurationError, HubError, TransportError
from schemas.ids import sm3_hex
from schemas.reasons import Reason
from schemas.topics import Topics

With = Callable[..., Settings]


@pytest.fixture
def with_dsn(settings: Settings, hub_topics: Topics, database: str) -> With:
    """The settings of a hub whose topics are made, for the test's database or another address of it."""
    del hub_topics
    return lambda dsn=database: settings.model_copy(update={"postgres": PostgresSettings(dsn=SecretStr(dsn))})


async def refused(settings: Settings, role: str) -> HubError:
    """Return how the role refuses to start."""
    with pytest.raises(HubError) as raised:
        await check_start(settings, NEEDS[role])
    return raised.value


async def test_topics_that_are_missing_or_of_another_width_stop_every_role(settings: Settings, hub_topics: Topics):
    """TOPIC_MISMATCH names the first of them, what it has and what it should have."""
    del hub_topics
    wide = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"partitions": 8})})
    for role in ("edge", "streams"):
        told = await refused(wide, role)
        assert (told.reason, told.exit_code) == (Reason.TOPIC_MISMATCH, 78)
        assert (told.parameters["have"], told.parameters["want"]) == ("4 partitions", "8 partitions")
    told = await refused(settings.model_copy(update={"topic_prefix": f"{settings.topic_prefix}-x"}), "views")
    assert (told.reason, told.parameters["have"]) == (Reason.TOPIC_MISMATCH, "nothing")


async def test_a_database_behind_the_release_stops_who_needs_it_and_one_ahead_does_not(with_dsn: With, database: str):
    """MIGRATION_PENDING counts them: none, all but the last; after `migrate up` the role may start."""
    hub = with_dsn()
    told = await refused(hub, "projector")
    assert (told.reason, told.parameters["have"], told.exit_code) == (Reason.MIGRATION_PENDING, "0", 78)
    await check_start(hub, NEEDS["streams"])  # needs no database
    await migrate(database, ("pre",))
    await check_start(hub, NEEDS["projector"])
    connection = await asyncpg.connect(database)
    last = await connection.fetchval("SELECT max(number) FROM admin.migrations WHERE phase = 'pre'")
    await connection.execute("INSERT INTO admin.migrations VALUES (9999, 'of_the_next_release', 'pre', 'x')")
    await check_start(hub, NEEDS["web"])
    await connection.execute("DELETE FROM admin.migrations WHERE number = $1", last)
    await connection.close()
    told = await refused(hub, "web")
    assert (told.reason, told.parameters["want"]) == (Reason.MIGRATION_PENDING, str(len(load_migrations())))


async def test_a_user_of_each_role_starts_what_it_may_and_nothing_else(with_dsn: With, database: str):
    """A login granted the reader's role starts web, the projector names what to grant; a wrong password is 78."""
    await migrate(database)
    place, name = urlsplit(database), f"r_{database.rpartition('/')[2]}"
    reader = urlunsplit(place._replace(netloc=f"{name}:secret@{place.netloc.rpartition('@')[2]}"))
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret'; GRANT medcredit_reader TO {name}")
        await check_start(with_dsn(reader), NEEDS["web"])
        told = await refused(with_dsn(reader), "projector")
        assert "medcredit_writer" in told.parameters["remedy"]
        told = await refused(with_dsn(reader.replace(":secret@", ":wrong@")), "web")
        assert (told.parameters["setting"], told.exit_code) == ("MEDCREDIT_POSTGRES__DSN", 78)
        assert "wrong" not in str(told)
    finally:
        await connection.execute(f"DROP ROLE {name}")
        await connection.close()


async def test_a_role_that_cannot_wait_for_the_broker_ends_with_69_and_the_others_wait():
    """Nothing listens: streams is told so in one line; edge starts, and tells its senders HUB_BUSY."""
    away = read_settings(profile="demo", kafka={"bootstrap": f"127.0.0.1:{free_port()}"})
    assert isinstance(await refused(away, "streams"), TransportError)
    await check_start(away, NEEDS["edge"])
    called = await run(away, "run", "streams")
    assert (called.status, "Traceback" in called.out + called.err) == (69, False)
    assert called.err.startswith("error DEPENDENCY_UNREACHABLE: Kafka at 127.0.0.1:")


@pytest.mark.parametrize(
    ("setting", "variable"),
    [("sm", "MEDCREDIT_SM__RING_FILE"), ("institutions_dir", "MEDCREDIT_INSTITUTIONS_DIR")],
)
async def test_a_file_that_is_not_there_is_one_line_and_78(
    settings: Settings, hub_topics: Topics, tmp_path: Path, setting: str, variable: str
):
    """The key ring and the HL7 profiles: the line names setting, path and remedy."""
    del hub_topics
    gone = tmp_path / "gone"
    called = await run(settings, "run", "edge", **{variable: str(gone)})
    assert (called.status, "Traceback" in called.out + called.err) == (78, False)
    assert re.search(rf"^error SETTING_INVALID: {variable} .*{gone}", called.err, re.MULTILINE), (setting, called)


async def test_web_serves_in_production_with_the_sources_the_settings_name(tmp_path: Path):
    """Its bearer tokens are those of MEDCREDIT_EDGE__SOURCES_FILE; the demo's public ones are refused."""
    production = {
        "city_key": DEMO_CITY_KEY[::-1],
        "kafka": {"bootstrap": f"127.0.0.1:{free_port()}"},
        "web": {"port": 0},
    }
    with pytest.raises(ConfigurationError, match="public token"):
        async with serve(read_settings(**production)):
            pass
    text = SHIPPED.read_text("utf-8")
    for source in load_http_sources():
        text = text.replace(source.token_sm3, sm3_hex(f"own-{demo_token(source.source_id)}".encode()))
    (tmp_path / "sources.toml").write_text(text, "utf-8")
    async with serve(read_settings(**production, edge={"sources_file": tmp_path / "sources.toml"})) as running:
        assert running.address.port

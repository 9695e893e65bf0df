"""A city's PostgreSQL asks for TLS: `sslmode` and `sslrootcert` of the DSN, and what is said when they do not fit."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from certificates import Authority
from cli_world import run
from postgres_front import Front
from pydantic import SecretStr

from hub.runtime.database import connect
from hub.runtime.migrations import migrate
from hub.runtime.settings import PostgresSettings, Settings
from hub.runtime.start_checks import NEEDS, check_start
from schemas.errors import ConfigurationError
from schemas.topics import Topics

SSL_REQUEST = bytes.fromhex("0000000804d2162f")


class TlsFront(Front):
    """TLS before the session's PostgreSQL, whose build has none: takes its SSLRequest, then passes bytes on."""

    def __init__(self, dsn: str, certificate: Path) -> None:
        super().__init__(dsn)
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(certificate)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the SSLRequest, then speak TLS."""
        assert await reader.readexactly(8) == SSL_REQUEST
        writer.write(b"S")
        await writer.start_tls(self._context)


@pytest.fixture
async def front(database: str, tmp_path: Path) -> AsyncIterator[TlsFront]:
    """TLS before this test's database, with a certificate of `authority.pem`."""
    found = TlsFront(database, Authority(tmp_path).issue("server"))
    server = await found.serve()
    yield found
    server.close()


async def test_migrations_and_roles_work_over_tls_that_proves_the_server(
    front: TlsFront, tmp_path: Path, settings: Settings, hub_topics: Topics
):
    """verify-full with the authority's file: migrate, the start check and a writer's statement go through."""
    del hub_topics
    dsn = front.dsn(sslmode="verify-full", sslrootcert=tmp_path / "authority.pem")
    await migrate(dsn)
    await check_start(_with(settings, dsn), NEEDS["projector"])
    connection = await connect(dsn, "writer")
    assert await connection.fetchval("SELECT current_user") == "medcredit_writer"
    assert connection._transport.get_extra_info("ssl_object").version().startswith("TLSv1.")
    await connection.close()


Case = Callable[[TlsFront, str, Path], str]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            lambda front, _plain, folder: front.dsn(sslmode="verify-full", sslrootcert=folder / "stranger.pem"),
            id="another authority",
        ),
        pytest.param(lambda _front, plain, _folder: f"{plain}?sslmode=require", id="a server without TLS"),
        pytest.param(lambda front, _plain, _folder: front.dsn(sslmode="sometimes"), id="no such mode"),
    ],
)
async def test_tls_that_does_not_fit_is_a_setting_to_correct(
    front: TlsFront, database: str, tmp_path: Path, settings: Settings, hub_topics: Topics, case: Case
):
    """Start check and `migrate up` name MEDCREDIT_POSTGRES__DSN and the fault, and end with 78, no trace."""
    del hub_topics
    Authority(tmp_path, "stranger")
    hub = _with(settings, case(front, database, tmp_path))
    with pytest.raises(ConfigurationError) as raised:
        await check_start(hub, NEEDS["projector"])
    assert raised.value.parameters["setting"] == "MEDCREDIT_POSTGRES__DSN"
    called = await run(hub, "migrate", "up")
    assert (called.status, "Traceback" in called.err) == (78, False), called
    assert "MEDCREDIT_POSTGRES__DSN" in called.err


def _with(settings: Settings, dsn: str) -> Settings:
    return settings.model_copy(update={"postgres": PostgresSettings(dsn=SecretStr(dsn))})

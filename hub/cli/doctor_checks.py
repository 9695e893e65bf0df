"""What doctor asks: each check returns one line and never raises for what it came to find."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import asyncpg

from adapters.hl7.profile import SHIPPED as SHIPPED_PROFILES
from adapters.hl7.profile import ProfileError, load_profiles
from hub.cli.texts import moment
from hub.policies import load_policies
from hub.roles.gateways import alipay_access, unionpay_access
from hub.runtime import database
from hub.runtime.bus import check_topics, create_topics, round_trip_ms
from hub.runtime.clock import open_clock
from hub.runtime.guomi.vault import open_provider
from hub.runtime.http_sources import SHIPPED as SHIPPED_SOURCES
from hub.runtime.http_sources import load_http_sources, refuse_demo_tokens
from hub.runtime.migrations import migrate, migration_states
from hub.runtime.settings import Address, GatewaySettings, Settings
from schemas.commands import Struct
from schemas.errors import ConfigurationError, HubError
from schemas.reasons import Reason

State = Literal["OK", "WARN", "FAIL", "SKIP"]
_PATIENCE_SECONDS = 4.0
"""A dependency that has not answered by then is away: doctor itself answers within 6 s."""
_KAFKA = "MEDCREDIT_KAFKA__BOOTSTRAP"
_POSTGRES = "MEDCREDIT_POSTGRES__DSN"
_TRIAL = b"doctor"
_UNLISTED = """
SELECT source, detail, count(*) AS letters FROM dead_letters d
WHERE reason = $1 AND NOT EXISTS (SELECT FROM desk.dead_letter_drops x WHERE x.id = d.id)
GROUP BY source, detail ORDER BY letters DESC
"""


class CheckLine(Struct, frozen=True, omit_defaults=False):
    """One line: a setting or dependency, how it is, and what to do. SKIP is not OK."""

    name: str
    state: State
    text: str
    code: str = ""
    setting: str = ""
    remedy: str = ""


class DoctorAnswer(Struct, frozen=True, omit_defaults=False):
    """What doctor found; `ok` is false when a line says FAIL."""

    ok: bool
    checks: tuple[CheckLine, ...]


@dataclass
class Patient:
    """The settings under examination, and the answers several checks share."""

    settings: Settings

    @cached_property
    def kafka(self) -> "asyncio.Task[float | str]":
        """The broker's round trip in ms, or why it does not answer; asked once."""
        return asyncio.ensure_future(_kafka_answer(self.settings))

    @cached_property
    def postgres(self) -> "asyncio.Task[float | str]":
        """The server's answer time in ms, or why it does not answer; asked once."""
        return asyncio.ensure_future(_postgres_answer(self.settings))

    @property
    def dsn(self) -> str:
        """Where PostgreSQL is."""
        return self.settings.postgres.dsn.get_secret_value()


async def kafka(patient: Patient) -> CheckLine:
    """One request to the cluster and back."""
    found = await patient.kafka
    bootstrap = patient.settings.kafka.bootstrap
    if isinstance(found, float):
        return CheckLine("kafka", "OK", f"{bootstrap}, acks=all, round trip {found:.0f} ms")
    remedy = "start the broker, or correct the setting"
    return CheckLine("kafka", "FAIL", found, Reason.DEPENDENCY_UNREACHABLE, _KAFKA, remedy)


async def topics(patient: Patient) -> CheckLine:
    """The cluster's topics against the registry."""
    if not isinstance(await patient.kafka, float):
        return CheckLine("topics", "SKIP", "needs kafka")
    registry = patient.settings.topics
    found = await check_topics(patient.settings.kafka, registry)
    if not found:
        return CheckLine("topics", "OK", f"{len(registry.all())} topics match the registry")
    first = found[0]
    state: State = "WARN" if all(each.kind == "unknown" for each in found) else "FAIL"
    text = f"{len(found)} differences; {first.topic}: {first.have}, want {first.want}"
    return CheckLine("topics", state, text, Reason.TOPIC_MISMATCH, remedy=first.remedy)


async def postgres(patient: Patient) -> CheckLine:
    """One question to the database and back."""
    found = await patient.postgres
    if isinstance(found, float):
        return CheckLine("postgres", "OK", f"answers in {found:.0f} ms")
    remedy = "start the server, or correct the setting"
    return CheckLine("postgres", "FAIL", found, Reason.DEPENDENCY_UNREACHABLE, _POSTGRES, remedy)


async def migrations(patient: Patient) -> CheckLine:
    """The database's migrations against the files."""
    if not isinstance(await patient.postgres, float):
        return CheckLine("migrations", "SKIP", "needs postgres")
    connection = await asyncpg.connect(patient.dsn, timeout=_PATIENCE_SECONDS)
    try:
        states = await migration_states(connection)
    finally:
        await connection.close()
    if changed := [each.migration for each in states if each.changed]:
        text = f"{changed[0].number:04}_{changed[0].name} was changed after it was applied"
        return CheckLine("migrations", "FAIL", text, Reason.SETTING_INVALID, remedy="restore the file as released")
    missing = [each.migration for each in states if not each.applied]
    if not missing:
        return CheckLine("migrations", "OK", f"{len(states)} of {len(states)}")
    before = any(each.phase == "pre" for each in missing)
    text, remedy = (
        f"{len(states) - len(missing)} of {len(states)}",
        f"medcredit migrate up{'' if before else ' --post'}",
    )
    return CheckLine("migrations", "FAIL" if before else "WARN", text, Reason.MIGRATION_PENDING, remedy=remedy)


async def keys(patient: Patient) -> CheckLine:
    """The ring of sealing keys opens, and what it seals it opens again."""

    def sealed() -> str:
        provider, place = open_provider(patient.settings), b"raw|doctor|doctor"
        if provider.open(provider.seal("raw", place, _TRIAL), place) != _TRIAL:
            raise ValueError("a sealed text opened to another one")
        ring = patient.settings.sm.ring_file
        return str(ring) if ring else "the demo's own public keys; never for real persons"

    return _configured("keys", "MEDCREDIT_SM__RING_FILE", sealed)


async def sources(patient: Patient) -> CheckLine:
    """The HL7 profiles and HTTP sources can be read."""
    settings = patient.settings

    def read() -> str:
        profiles = load_profiles(settings.institutions_dir or SHIPPED_PROFILES)
        http = load_http_sources(settings.edge.sources_file or SHIPPED_SOURCES)
        if settings.profile == "production":
            refuse_demo_tokens(http)
        return f"{len(profiles.sources)} HL7 profiles, {len(tuple(http))} HTTP sources"

    return _configured("sources", "MEDCREDIT_INSTITUTIONS_DIR, MEDCREDIT_EDGE__SOURCES_FILE", read)


async def packs(patient: Patient) -> CheckLine:
    """Every policy pack can be meant and is the one that was locked."""
    place = patient.settings.packs_dir

    def read() -> str:
        count = len(load_policies(place).packs)
        return f"{count} policy packs" + (
            f", {count - len(load_policies().packs)} of them from {place}" if place else ""
        )

    return _configured("packs", "MEDCREDIT_PACKS_DIR", read)


async def alipay(patient: Patient) -> CheckLine:
    """Alipay's endpoint and keys."""
    gateway = patient.settings.gateways.alipay
    return _gateway("alipay", gateway, lambda: alipay_access(gateway))


async def unionpay(patient: Patient) -> CheckLine:
    """UnionPay's endpoint, keys and certificates."""
    gateway = patient.settings.gateways.unionpay
    return _gateway("unionpay", gateway, lambda: unionpay_access(gateway))


async def codes(patient: Patient) -> CheckLine:
    """Open dead letters of gateway answers with a code that is not in our table: nobody knows yet what they mean."""
    if not isinstance(await patient.postgres, float):
        return CheckLine("codes", "SKIP", "needs postgres")
    try:
        connection = await database.connect(patient.dsn, "reader", timeout_seconds=_PATIENCE_SECONDS)
        try:
            rows = await connection.fetch(_UNLISTED, Reason.CODE_UNLISTED.value)
        finally:
            await connection.close()
    except asyncpg.PostgresError:  # no role or no table of ours yet
        return CheckLine("codes", "SKIP", "needs migrations")
    if not rows:
        return CheckLine("codes", "OK", "every answer of the gateways had a code of our table")
    text = "; ".join(f"{row['source']}: {row['detail']} ({row['letters']} answers)" for row in rows[:5])
    return CheckLine("codes", "WARN", text, Reason.CODE_UNLISTED, remedy="medcredit dlq list --reason CODE_UNLISTED")


async def clock(patient: Patient) -> CheckLine:
    """The two clocks: the city's may run fast in the demo only."""

    def read() -> str:
        city = open_clock(patient.settings).city()
        return "city time is the system's" if patient.settings.clock_file is None else f"city time {moment(city)}"

    return _configured("clock", "MEDCREDIT_CLOCK_FILE", read)


async def edge(patient: Patient) -> CheckLine:
    """Whether an edge listens here."""
    return await _listening("edge", patient.settings.edge.http, "medcredit run edge")


async def web(patient: Patient) -> CheckLine:
    """Whether the page is served here."""
    return await _listening("web", patient.settings.web, "medcredit run web")


async def repair(patient: Patient) -> None:
    """Create missing topics and apply missing migrations where broker and database answer. Idempotent."""
    if isinstance(await patient.kafka, float):
        await create_topics(patient.settings.kafka, patient.settings.topics)
    if isinstance(await patient.postgres, float):
        await migrate(patient.dsn)


async def _kafka_answer(settings: Settings) -> float | str:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await round_trip_ms(settings.kafka)
    except ConfigurationError as refused:
        return f"{refused.parameters['setting']}: {refused.parameters['fault']}"
    except (HubError, OSError, TimeoutError):
        return f"no broker answered at {settings.kafka.bootstrap} within {_PATIENCE_SECONDS:.0f} s"


async def _postgres_answer(settings: Settings) -> float | str:
    began = time.perf_counter()
    try:
        await database.check(settings.postgres.dsn.get_secret_value(), _PATIENCE_SECONDS)
    except HubError:
        return f"no PostgreSQL answered within {_PATIENCE_SECONDS:.0f} s"
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as refused:
        return f"PostgreSQL refused: {refused}"
    return (time.perf_counter() - began) * 1000


def _gateway(name: str, gateway: GatewaySettings, access: Callable[[], object]) -> CheckLine:
    setting = f"MEDCREDIT_GATEWAYS__{name.upper()}"
    if not gateway.endpoint:
        return CheckLine(name, "SKIP", f"{setting}__ENDPOINT is empty")

    def configured() -> str:
        access()
        return f"{gateway.endpoint}, keys read, merchant {gateway.merchant}"

    return _configured(name, setting, configured)


def _configured(name: str, setting: str, read: Callable[[], str]) -> CheckLine:
    """Return OK with what `read` says, else FAIL with the fault; the files it reads are the operator's."""
    try:
        return CheckLine(name, "OK", read())
    except HubError as error:
        remedy = error.parameters.get("remedy", "correct the setting")
        named = error.parameters.get("setting", setting)
        return CheckLine(name, "FAIL", error.parameters.get("fault", str(error)), error.reason, named, remedy)
    except (ProfileError, OSError, ValueError) as error:
        return CheckLine(name, "FAIL", str(error), Reason.SETTING_INVALID, setting, "correct the file or the setting")


async def _listening(name: str, address: Address, start: str) -> CheckLine:
    try:
        async with asyncio.timeout(1):
            _, writer = await asyncio.open_connection(address.host, address.port)
            writer.close()
    except (OSError, TimeoutError):
        return CheckLine(name, "SKIP", f"nothing listens at {address}", remedy=start)
    return CheckLine(name, "OK", f"listens at {address}")

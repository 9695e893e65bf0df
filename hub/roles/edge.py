"""The edge: every inbound wire in one process: frame, decode, check the sender, translate, make durable, answer.

It keeps no state: several processes share the ports, and any of them gives a repeat the same answer. Each process has
its own slot, and with it its own partition of `replies`.
"""

import asyncio
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import uvloop
from aiohttp import web

from adapters.api.routes import ApiRoutes
from adapters.fhir.routes import FhirRoutes
from adapters.hl7.profile import SHIPPED, ProfileError, Profiles, load_profiles
from adapters.hl7.server import MllpServer
from adapters.hl7.translation import PRODUCTION, SANDBOX, Setting
from adapters.scores.access import FeedAccess
from hub.policies.policies import load_policies
from hub.roles.edge_hl7 import Hl7Acceptance, observe
from hub.roles.edge_notices import NoticeRoutes, Wire, alipay_wire, score_wire, unionpay_wire
from hub.roles.gateways import alipay_access, unionpay_access
from hub.roles.http_listener import HttpListener, guard
from hub.runtime.bus import committed_consumer, log_client
from hub.runtime.clock import Clock, open_clock
from hub.runtime.collector import collect_rarely
from hub.runtime.durable_log import DurableLog
from hub.runtime.guomi import SoftwareProvider
from hub.runtime.guomi.vault import open_provider
from hub.runtime.health import Check, serve_health
from hub.runtime.http_sources import SHIPPED as SHIPPED_SOURCES
from hub.runtime.http_sources import HttpSources, load_http_sources, refuse_demo_tokens
from hub.runtime.intake import Intake
from hub.runtime.logs import configure_logging, get_logger
from hub.runtime.replies import ReplyDesk
from hub.runtime.score_sources import load_score_sources
from hub.runtime.sealing import Sealer
from hub.runtime.settings import Settings
from schemas.errors import TransportError, setting_invalid
from schemas.reasons import Reason

_DRAIN_SECONDS: Final = 8.0
_log = get_logger("edge")


def main(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT, drain at most 10 s, and return the exit status."""
    configure_logging("edge", settings.log_level, settings.log_format)
    status: int = uvloop.run(_until_told(settings))
    return status


async def _until_told(settings: Settings) -> int:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    edge = Edge(settings, open_clock(settings))
    async with serve_health(settings.health, "edge", edge.checks()):
        await edge.start()
        collect_rarely()
        await told.wait()
        _log.info("edge_draining")
        await edge.stop()
    return 0


class Edge:
    """One edge process: two listeners over one intake."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Raises ConfigurationError when a profile, source or key cannot be used."""
        self._settings = settings
        provider = open_provider(settings)
        kafka, client = settings.kafka, f"edge-{settings.edge.slot}"
        self._log = DurableLog(lambda: log_client(kafka, client), wait_seconds=settings.edge.durable_wait_ms / 1000)
        self._desk = ReplyDesk(lambda: committed_consumer(kafka, client), settings.topics.replies, settings.edge.slot)
        self.intake = Intake(
            self._log,
            self._desk,
            Sealer(provider),
            clock,
            settings.topics,
            settings.edge.reply_wait_ms / 1000,
        )
        self._mllp = MllpServer(_hl7_setting(settings), Hl7Acceptance(self.intake).accept, clock.city, observe)
        self._http = HttpListener(http_app(self.intake, settings, provider, clock))
        self.addresses: dict[str, tuple[str, int]] = {}

    async def start(self) -> None:
        """Listen; until the broker answers, senders are told HUB_BUSY."""
        self._desk.start()
        self._log.start()
        mllp, http = self._settings.edge.mllp, self._settings.edge.http
        self.addresses["mllp"] = await self._mllp.serve(mllp.host, mllp.port, reuse_port=True)
        self.addresses["edge"] = await self._http.serve(http.host, http.port, reuse_port=True)
        for wire, (host, port) in self.addresses.items():
            _log.info("edge_listening", wire=wire, address=host, port=port)

    async def stop(self) -> None:
        """Stop listening, answer what was received, then leave the broker."""
        await asyncio.gather(self._mllp.drain(_DRAIN_SECONDS), self._http.close())
        await self._log.stop()
        await self._desk.stop()

    def checks(self) -> Mapping[str, Check]:
        """Return what readiness asks: can commands be made durable, can replies be heard."""
        return {"commands": self._can_append, "replies": self._can_wait}

    async def _can_append(self) -> str:
        if not self._log.connected:
            raise TransportError(Reason.DEPENDENCY_UNREACHABLE, {"dependency": "Kafka, for commands"})
        return f"{self._log.outstanding} records unconfirmed"

    async def _can_wait(self) -> str:
        if not self._desk.ready:
            raise TransportError(Reason.DEPENDENCY_UNREACHABLE, {"dependency": "Kafka, for replies"})
        return f"{self._desk.waiting} callers waiting"


def http_app(intake: Intake, settings: Settings, provider: SoftwareProvider, clock: Clock) -> web.Application:
    """Return the application with every inbound HTTP wire."""
    sources, city_key = _sources(settings), settings.city_key_bytes
    app = web.Application(middlewares=[guard])
    FhirRoutes(intake, sources, city_key).add_to(app)
    ApiRoutes(intake, sources, city_key).add_to(app)
    policies, feeds = load_policies(settings.packs_dir), load_score_sources(settings.sm.scores_file)
    wires = [score_wire(FeedAccess(provider, source), policies, city_key, clock.wall) for source in feeds]
    NoticeRoutes(intake, (*_gateway_wires(settings), *wires)).add_to(app)
    return app


def _gateway_wires(settings: Settings) -> Iterator[Wire]:
    """Yield the ways in of the gateways whose keys the settings name."""
    alipay, unionpay = settings.gateways.alipay, settings.gateways.unionpay
    if alipay.public_key_file is not None:
        yield alipay_wire(alipay_access(alipay))
    if unionpay.root_certificate_file is not None:
        yield unionpay_wire(unionpay_access(unionpay))


def _sources(settings: Settings) -> HttpSources:
    sources = load_http_sources(settings.edge.sources_file or SHIPPED_SOURCES)
    if settings.profile == "production":
        refuse_demo_tokens(sources)
    return sources


def _check_one_route(sources: HttpSources, profiles: Profiles) -> None:
    """Raise ConfigurationError where the wires of one institution route to different accounts (architecture 5)."""
    latest = [profile for profile in map(profiles.find, profiles.sources) if profile is not None]
    by_hl7 = {profile.institution: profile.defaults.route_by for profile in latest}
    for source in sources:
        if source.route_by != by_hl7.get(source.institution, source.route_by):
            fault = f"{source.source_id} routes by {source.route_by}, the HL7 profile of {source.institution} does not"
            raise setting_invalid("route_by", fault, "Give every wire of an institution one route_by.")


def _profiles(directory: Path) -> Profiles:
    try:
        return load_profiles(directory)
    except ProfileError as error:
        raise setting_invalid("MEDCREDIT_INSTITUTIONS_DIR", str(error), "Correct the profile.") from error


def _hl7_setting(settings: Settings) -> Setting:
    profiles = _profiles(settings.institutions_dir or SHIPPED)
    _check_one_route(_sources(settings), profiles)
    return Setting(
        profiles=profiles,
        city_key=settings.city_key_bytes,
        processing_ids=PRODUCTION if settings.profile == "production" else SANDBOX,
    )

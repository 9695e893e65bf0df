"""Who may post over HTTP, for which institution, and what their identifier systems mean (protocols 2.3, 3.5).

A source is dated data in a TOML file, never code. Its token stands there only as its SM3.
"""

import hmac
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Literal

import msgspec

from hub.runtime.subjects import RouteBy
from schemas.commands import SettlementMode
from schemas.errors import ConfigurationError, setting_invalid
from schemas.ids import sm3_hex

SystemUse = Literal["line", "number", "visit", "settlement"]
Interface = Literal["fhir", "api"]
SHIPPED: Final = Path(__file__).parent / "http_sources.toml"
"""Sources of the demo city. Their tokens are `demo-<source id>`, public, and therefore refused in production."""


class HttpSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One system that posts over HTTP with its own bearer token.

    `institution` empty means city-wide: a kiosk network or a bank, which names the institution in each request.
    """

    source_id: str
    token_sm3: str
    version: int = 1
    institution: str = ""
    interfaces: tuple[Interface, ...] = ("fhir", "api")
    route_by: RouteBy = "citizen_id"
    settlement: SettlementMode = "none"
    line_replace: bool = False
    systems: dict[str, SystemUse] = {}
    """FHIR identifier systems this source owns, and what their values are."""
    item_systems: dict[str, str] = {}
    """FHIR code systems and the short names the same items carry over HL7, as `urn:nhsa:item` for NHSA."""
    product: Literal["half_up", "half_even", "truncate", "within_1_fen"] = "half_up"
    """How quantity times unit price is rounded before it is compared with the amount."""
    rate_per_second: int = 0
    """Requests a second before THROTTLED; 0 means no limit."""

    @property
    def profile(self) -> str:
        """The name every command records: source and version, as `FHIR@XMZSH/1`."""
        return f"{self.source_id}/{self.version}"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    source: tuple[HttpSource, ...]


class HttpSources:
    """All sources; immutable, so that an answer stays a function of the request."""

    def __init__(self, sources: Iterable[HttpSource]) -> None:
        """Raises ConfigurationError when two sources share an id, a token or an identifier system."""
        self._sources = tuple(sources)
        self._owners: dict[str, str] = {}
        for source in self._sources:
            for system in source.systems:
                if self._owners.setdefault(system, source.source_id) != source.source_id:
                    raise _misconfigured(f"{system} belongs to {self._owners[system]} and {source.source_id}")
        for name in ("source_id", "token_sm3"):
            values = [getattr(source, name) for source in self._sources]
            if len(set(values)) != len(values):
                raise _misconfigured(f"two sources have one {name}")

    def __iter__(self) -> Iterator[HttpSource]:
        return iter(self._sources)

    def by_token(self, token: str) -> HttpSource | None:
        """Return the source a bearer token belongs to, or None; every source is compared in constant time."""
        digest = sm3_hex(token.encode("utf-8", "surrogateescape"))
        found = None
        for source in self._sources:
            if hmac.compare_digest(source.token_sm3, digest):
                found = source
        return found

    def owner(self, system: str) -> str | None:
        """Return the id of the source that owns an identifier system, or None."""
        return self._owners.get(system)


def load_http_sources(path: Path = SHIPPED) -> HttpSources:
    """Return the sources of a TOML file. Raises ConfigurationError naming what cannot be used."""
    try:
        text = path.read_text("utf-8")
        return HttpSources(msgspec.convert(tomllib.loads(text), _File).source)
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as fault:
        raise _misconfigured(f"{path.name}: {fault}") from fault


def demo_token(source_id: str) -> str:
    """Return the token of a source of the demo city."""
    return f"demo-{source_id}"


def refuse_demo_tokens(sources: Iterable[HttpSource]) -> None:
    """Raise ConfigurationError when a source still uses its demo token: production must not accept a public one."""
    for source in sources:
        if source.token_sm3 == sm3_hex(demo_token(source.source_id).encode()):
            raise _misconfigured(f"{source.source_id} has the demo's public token")


def _misconfigured(fault: str) -> ConfigurationError:
    return setting_invalid("http sources", fault, "Correct the file and start again.")

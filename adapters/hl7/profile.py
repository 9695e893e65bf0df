"""Source profiles: how one hospital system writes its messages, as dated data and never as code (protocols 2.3).

FT1 is a dialect: amount, quantity and kind stand in other fields at other vendors. A profile says where, by which names
and by which sign rule; a source without one is quarantined, because nothing about money is guessed.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta, timezone
from pathlib import Path
from typing import Final, Literal

import msgspec
import yaml

from adapters.hl7.plans import WHOLE, Plan
from adapters.hl7.prices import Kind, PriceRules, Prices, Product, SignRule
from adapters.hl7.reader import Place, place
from schemas.commands import Scene, SettlementMode

SHIPPED: Final = Path(__file__).parent / "profiles"
"""Profiles of the demo city."""

STANDARD_KINDS: Final[Mapping[str, Kind]] = {"CG": "CG", "CD": "CD", "PY": "PY", "AJ": "AJ", "CO": "CO"}
STANDARD_CLASSES: Final[Mapping[str, Scene]] = {
    "I": "inpatient",
    "B": "inpatient",
    "P": "inpatient",
    "E": "emergency",
    "O": "outpatient",
    "R": "outpatient",
    "C": "outpatient",
    "N": "outpatient",
    "U": "outpatient",
}
"""Table 0004, patient class."""
STANDARD_FIELDS: Final[Mapping[str, str]] = {
    "line_id": "FT1-2",
    "service_at": "FT1-4",
    "kind": "FT1-6",
    "item": "FT1-7.1",
    "item_name": "FT1-7.2",
    "item_system": "FT1-7.3",
    "qty": "FT1-10",
    "amount": "FT1-11.1.1",
    "unit": "FT1-12.1.1",
    "dept": "FT1-13.1",
    "doctor": "FT1-20.1",
    "ordered_by": "FT1-21.1",
    "order_no": "FT1-23.1",
    "ref": "FT1-31",
    "ref_line": "FT1-30",
    "intended_duplicate": "FT1-28",
}
"""The standard map of protocols 2.2; a profile lists the fields it has, and has no other."""
LINE_FIELDS: Final = ("set_id", *STANDARD_FIELDS)
"""The order in which a line's values are read; the set id always stands in FT1-1."""
LINE_FIELDS_SENT: Final = ("amount", "unit")
"""Positions whose whole field is read too: their currency stands beside them."""
_KNOWN: Final = frozenset(STANDARD_FIELDS) | {"batch", "posted_at"}
_SETTLEMENT_FIELDS: Final = ("id", "total", "fund", "account", "other", "cash")
_DEPARTMENT: Final = ("PV1-3.1", "PV1-10.1")
"""Point of care, else hospital service."""
_VISIT: Final = ("PV1-19.1", "PV1-50.1", "PID-18.1")


class ProfileError(ValueError):
    """The profile cannot be used as written; the message names the entry and the remedy."""


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Identity(_Section, frozen=True):
    """Who the source is, from when on, and how it writes text and time."""

    source_id: str
    """`MSH-3.1@MSH-4.1`, as `HIS@XMZSH`."""
    version: int
    valid_from: date
    institution: str = ""
    """The institution this source writes for; MSH-4.1 where empty."""
    charset: Literal["utf-8", "gb18030", "big5"] = "utf-8"
    offset: str | None = None
    """What a time without offset means, as `+08:00`; without it such a time is refused."""


class Guard(_Section, frozen=True):
    """The arithmetic every line and message must satisfy; all of it in exact decimals."""

    product: Product = "half_up"
    control: tuple[str, ...] = ()
    control_mode: Literal["warn", "enforce"] = "warn"


class Defaults(_Section, frozen=True):
    """How the institution wants the cases that the message leaves open."""

    currency: Literal["CNY"] = "CNY"
    quantity: Literal["1"] | None = None
    leading_dot: bool = False
    line_replace: Literal["quarantine", "allow"] = "quarantine"
    unmapped_reply: Literal["AE", "AA"] = "AE"
    busy_reply: Literal["AR", "AE", "close"] = "AR"
    control_id_policy: Literal["reused_ok", "strict"] = "reused_ok"
    aj_direction: Literal["CG", "CD"] | None = None
    route_by: Literal["citizen_id", "number"] = "citizen_id"
    """To which account its charges go (architecture 5); one for all wires of an institution."""
    ack_after: Literal["durable", "decision"] = "durable"
    """AA once the command is durable, or once the books have judged it (architecture 12)."""
    settlement: SettlementMode = "none"


class _Document(_Section, frozen=True):
    profile: Identity
    fields: dict[str, str] = {}
    visit: tuple[str, ...] = ()
    department: tuple[str, ...] = ()
    kind_alias: dict[str, Kind] = {}
    class_alias: dict[str, Scene] = {}
    sex_alias: dict[str, str] = {}
    id_alias: dict[str, str] = {}
    event_alias: dict[str, str] = {}
    sign_rule: SignRule = "TYPE"
    guard: Guard = Guard()
    defaults: Defaults = Defaults()
    settlement_fields: dict[str, str] = {}


class Profile(msgspec.Struct, frozen=True):
    """One version of a source's profile, with its positions read and its aliases completed by the standard tables."""

    identity: Identity
    institution: str
    places: Mapping[str, Place]
    """Positions of a charge line by name; empty means that the layout is not mapped yet (DIALECT_UNMAPPED)."""
    plan: Plan
    """The same, to be read in the order of LINE_FIELDS, then the fields of LINE_FIELDS_SENT as sent."""
    prices: Prices
    """What the money of a line means."""
    visit: tuple[Place, ...]
    """Where the visit number may stand, first hit wins."""
    department: tuple[Place, ...]
    """Where a visit's department stands, first hit wins; a profile that names places replaces the standard ones."""
    classes: Mapping[str, Scene]
    sexes: Mapping[str, str]
    id_types: Mapping[str, str]
    events: Mapping[str, str]
    guard: Guard
    control: tuple[Place, ...]
    defaults: Defaults
    offset: timezone | None
    settlement: Mapping[str, Place]
    """Positions of the insurer's parts, for `settlement: in_message`."""

    @property
    def name(self) -> str:
        """The name every event records: source and version, as `HIS@XMZSH/3`."""
        return f"{self.identity.source_id}/{self.identity.version}"

    @property
    def mapped(self) -> bool:
        """False while nobody has said where amount and kind of a line stand."""
        return "amount" in self.places and "kind" in self.places


def profile_from_yaml(text: str) -> Profile:
    """Return the profile a YAML document describes; raises ProfileError for anything it cannot mean."""
    try:
        document = msgspec.convert(yaml.safe_load(text), _Document)
        return _compile(document)
    except (msgspec.ValidationError, yaml.YAMLError, ValueError) as error:
        raise ProfileError(f"the source profile cannot be used: {error}") from error


def _compile(document: _Document) -> Profile:
    identity = document.profile
    places = _line_places(document.fields)
    _check_settlement(document)
    source_facility = identity.source_id.partition("@")[2]
    read = {"set_id": Place("FT1", 1), **places}
    return Profile(
        identity=identity,
        institution=identity.institution or source_facility,
        places=places,
        plan=Plan([*map(read.get, LINE_FIELDS), *(_whole(read.get(name)) for name in LINE_FIELDS_SENT)]),
        prices=Prices(_price_rules(document, places)),
        visit=tuple(map(place, (*_VISIT, *document.visit))),
        department=tuple(map(place, document.department or _DEPARTMENT)),
        classes={**STANDARD_CLASSES, **document.class_alias},
        sexes=document.sex_alias,
        id_types=document.id_alias,
        events=document.event_alias,
        guard=document.guard,
        control=tuple(map(place, document.guard.control)),
        defaults=document.defaults,
        offset=_offset(identity.offset),
        settlement={name: place(text) for name, text in document.settlement_fields.items()},
    )


def _price_rules(document: _Document, places: Mapping[str, Place]) -> PriceRules:
    defaults = document.defaults
    return PriceRules(
        kinds=document.kind_alias or STANDARD_KINDS,
        sign_rule=document.sign_rule,
        product=document.guard.product,
        currency=defaults.currency,
        quantity=defaults.quantity,
        leading_dot=defaults.leading_dot,
        aj_direction=defaults.aj_direction,
        places=places,
    )


def _line_places(fields: dict[str, str]) -> dict[str, Place]:
    unknown = set(fields) - _KNOWN
    if unknown:
        raise ProfileError(f"fields has no entry {min(unknown)!r}; known are {', '.join(sorted(_KNOWN))}")
    places = {name: place(text) for name, text in fields.items()}
    if any(position.segment != "FT1" for position in places.values()):
        raise ProfileError("every entry of fields must be a position in FT1")
    return places


def _whole(position: Place | None) -> Place | None:
    return None if position is None else msgspec.structs.replace(position, component=WHOLE, subcomponent=1)


def _check_settlement(document: _Document) -> None:
    named = set(document.settlement_fields)
    if document.defaults.settlement == "in_message" and named != set(_SETTLEMENT_FIELDS):
        raise ProfileError(f"settlement in_message needs settlement_fields {', '.join(_SETTLEMENT_FIELDS)}")


def _offset(text: str | None) -> timezone | None:
    if text is None:
        return None
    sign, hours, minutes = text[:1], text[1:3], text[4:6]
    if len(text) != 6 or sign not in "+-" or text[3] != ":" or not (hours + minutes).isdigit():
        raise ProfileError(f"offset {text!r} is not written as +08:00")
    delta = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(delta if sign == "+" else -delta)


class Profiles:
    """All versions of all sources; immutable after construction, so that answers are a function of the bytes."""

    def __init__(self, profiles: Iterable[Profile]) -> None:
        self._versions: dict[str, list[Profile]] = {}
        for profile in profiles:
            self._versions.setdefault(profile.identity.source_id, []).append(profile)
        for source, versions in self._versions.items():
            versions.sort(key=lambda profile: (profile.identity.valid_from, profile.identity.version))
            numbers = [profile.identity.version for profile in versions]
            if len(set(numbers)) != len(numbers):
                raise ProfileError(f"{source} has two profiles of one version; give each change its own version")
        self._days = {source: [_day(version) for version in versions] for source, versions in self._versions.items()}

    @property
    def sources(self) -> tuple[str, ...]:
        """Every source that has a profile."""
        return tuple(sorted(self._versions))

    def find(self, source: str, day: str = "") -> Profile | None:
        """Return the version in force on a day written YYYYMMDD (the latest for an unreadable day), or None."""
        versions = self._versions.get(source)
        if versions is None:
            return None
        if len(day) != 8 or not (day.isascii() and day.isdigit()):
            return versions[-1]
        for version, valid_from in zip(reversed(versions), reversed(self._days[source]), strict=True):
            if valid_from <= day:
                return version
        return None


def _day(profile: Profile) -> str:
    return profile.identity.valid_from.strftime("%Y%m%d")


def load_profiles(directory: Path = SHIPPED) -> Profiles:
    """Return all `*.yaml` profiles of a directory; raises ProfileError naming what cannot be used, or no profile."""
    profiles = []
    paths = sorted(directory.glob("*.yaml"))
    if not paths:
        raise ProfileError(f"{directory} holds no profile (*.yaml): every message would be refused")
    for path in paths:
        try:
            profiles.append(profile_from_yaml(path.read_text(encoding="utf-8")))
        except ProfileError as error:
            raise ProfileError(f"{path.name}: {error}") from error
    return Profiles(profiles)

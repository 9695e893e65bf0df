"""What a run of the demo must have shown: every feature its city plays, at least once."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

from hub.policies import load_policies
from hub.simulate.journeys import JourneySet
from schemas.commands import Scene

_SOURCES: Final = ("account", "prepayment", "credit", "self_pay")
_GATEWAYS: Final = ("alipay", "unionpay")
_BASIC_PACKS: Final = ("xiamen-city-2023", "xiamen-platform-2024")
_BASIC: Final = (
    *("reversals", "debits_failed_then_paid", "debits_unknown_then_resolved", "refusals", "late_charges"),
    *("numbers_linked", "repayments_before_debit"),
)


def missing(document: Mapping[str, Any], journeys: JourneySet) -> list[str]:
    """Return the counts of a demo's document that are 0 though its journeys play them, as `paid_fen.credit`."""
    wanted = {"none": [], "basic": [*_basic()], "all": [*_basic(), *_programmes(document)]}[journeys]
    return [name for name in wanted if not _value(document, name)]


def _basic() -> Iterator[str]:
    yield from _BASIC
    yield from (f"paid_fen.{source}" for source in _SOURCES)
    yield from (f"debits_paid_by_gateway.{gateway}" for gateway in _GATEWAYS)
    yield from (f"charges_by_pack.{pack}" for pack in _BASIC_PACKS)


def _programmes(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield every count of the programmes, each shipped pack, each scene."""
    yield from (f"programmes.{name}" for name in document["programmes"])
    yield from (f"programmes.scenes.{scene}" for scene in get_args(Scene))
    yield from (f"charges_by_pack.{pack}" for pack in load_policies().packs)


def _value(document: Mapping[str, Any], name: str) -> Any:
    value: Any = document
    for part in name.split("."):
        value = value.get(part, 0)
    return value

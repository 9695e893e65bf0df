"""Is money moving: rates over the last seconds and the masked tail, from the ledger as it is written.

Only what the page shows is decoded. Nothing here can name a person: the ledger holds masks only.
"""

from collections import Counter
from typing import Final

import msgspec

from schemas.commands import Instant
from schemas.events import SOURCES, Allocation
from schemas.ids import short

WINDOW_SECONDS: Final = 10
TAIL_LENGTH: Final = 40
_GROUPS: Final = {
    "mllp": "hl7",
    "fhir": "fhir",
    "alipay": "callbacks",
    "unionpay": "callbacks",
    "score": "scores",
    "api": "api",
    "courier": "results",
    "relay": "relays",
    "reinjection": "reinjections",
    "timer": "timers",
}
_EVENT_METERS: Final = {
    "charge_posted": "charges",
    "bill_issued": "bills",
    "debit_started": "debits_sent",
    "debit_paid": "debits_paid",
    "debit_failed": "debits_failed",
    "debit_unknown": "debits_unknown",
    "repayment_received": "repayments",
}


class _Source(msgspec.Struct):
    type: str
    offset: int = -1


class _Event(msgspec.Struct):
    type: str


class _After(msgspec.Struct):
    """Any of the views of a ledger record: only the fields the tail shows."""

    type: str
    institution: str = ""
    charge: str = ""
    bill: str = ""
    total_fen: int = 0
    amount_fen: int = 0
    state: str = ""
    status: str = ""
    allocation: Allocation | None = None


class _Seen(msgspec.Struct):
    account: str
    seq: int
    source: _Source
    now: Instant
    wall_now: Instant
    outcome: str
    interface: str = "timer"
    reason: str = ""
    events: tuple[_Event, ...] = ()
    after: tuple[_After, ...] = ()


_decode = msgspec.json.Decoder(_Seen).decode


class TailItem(msgspec.Struct, frozen=True):
    """One ledger record in the tail: what happened, to what, with how much; `person` is the short form."""

    id: str
    at: Instant
    wall_at: Instant
    interface: str
    outcome: str
    reason: str
    person: str
    institution: str
    what: str
    charge: str
    bill: str
    state: str
    amount_fen: int
    parts: dict[str, int]


class FlowMeter:
    """Counts ledger records by second of their lane's wall clock."""

    def __init__(self) -> None:
        self.commands_done: dict[int, int] = {}
        """Per partition the offset of the last command whose outcome was seen."""
        self.positions: dict[int, int] = {}
        """Per partition the offset of the last ledger record seen."""
        self._seconds: dict[int, Counter[str]] = {}

    def add(self, partition: int, offset: int, value: bytes) -> TailItem:
        """Count one ledger record; return its line for the tail."""
        seen = _decode(value)
        self.positions[partition] = offset
        if seen.source.type == "command":
            self.commands_done[partition] = seen.source.offset
        meters = ["decided", f"in_{_GROUPS.get(seen.interface, 'other')}"]
        meters += [_EVENT_METERS[event.type] for event in seen.events if event.type in _EVENT_METERS]
        meters += ["refused"] if seen.outcome == "REFUSED" else []
        self._seconds.setdefault(seen.wall_now // 1000, Counter()).update(meters)
        return _tail_item(seen, partition, offset)

    def rates(self, wall: Instant) -> dict[str, float]:
        """Return events a second over the last ten full seconds before `wall`; older ones are forgotten."""
        last = wall // 1000
        for second in [each for each in self._seconds if each < last - WINDOW_SECONDS]:
            del self._seconds[second]
        counts: Counter[str] = Counter()
        for second, counted in self._seconds.items():
            if second < last:
                counts.update(counted)
        return {name: round(count / WINDOW_SECONDS, 1) for name, count in sorted(counts.items())}


def _tail_item(seen: _Seen, partition: int, offset: int) -> TailItem:
    thing = _thing(seen.after)
    split = thing.allocation if thing else None
    return TailItem(
        id=f"{partition}-{offset}",
        at=seen.now,
        wall_at=seen.wall_now,
        interface=seen.interface,
        outcome=seen.outcome,
        reason=seen.reason,
        person=short(seen.account),
        institution=next((view.institution for view in seen.after if view.institution), ""),
        what=_what(seen),
        charge=thing.charge if thing else "",
        bill=thing.bill if thing else "",
        state=(thing.state or thing.status) if thing else "",
        amount_fen=(thing.total_fen or thing.amount_fen) if thing else 0,
        parts=_parts(split) if split else {},
    )


def _thing(after: tuple[_After, ...]) -> _After | None:
    """Return what the record is about: a charge before a debit before a bill."""
    for kind in ("charge", "debit", "bill"):
        for view in after:
            if view.type == kind:
                return view
    return None


_TELLING: Final = (
    "charge_posted",
    "charge_reduced",
    "debit_paid",
    "debit_failed",
    "debit_unknown",
    "debit_started",
    "bill_issued",
    "bill_overdue",
    "repayment_received",
)


def _what(seen: _Seen) -> str:
    """Return what happened in one word: the most telling event, else the first, else the outcome in lower case."""
    names = [event.type for event in seen.events]
    return next((name for name in _TELLING if name in names), names[0] if names else seen.outcome.lower())


def _parts(split: Allocation) -> dict[str, int]:
    return {name: amount for name in SOURCES if (amount := getattr(split, f"{name}_fen"))}

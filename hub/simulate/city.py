"""Who lives in the synthetic city: hospitals as their profiles describe them, HTTP sources, and their wires."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hub.runtime.clock import Clock
from hub.simulate.desk import Desk
from hub.simulate.his_lists import HisLists
from hub.simulate.hl7_messages import Hospital, Line, Writer
from hub.simulate.persons import Person, make_person
from hub.simulate.scores import ScoreSource
from hub.simulate.sent_log import SentLog
from hub.simulate.wires import Answer, HttpWire, MllpWire

_KIOSK_TOKEN = "demo-KIOSK@XM"  # noqa: S105 - public, and refused in production

Resend = Callable[[], Awaitable[object]]
"""Sends bytes again that were sent before."""

HOSPITALS = {
    "XMZSH": Hospital("HIS", "XMZSH"),
    "XMDSY": Hospital("HIS", "XMDSY", charset="gb18030", charset_name="GB 18030-2000", enhanced=False),
    "XMDYY": Hospital("HIS", "XMDYY"),
    "XMFYB": Hospital("HIS", "XMFYB", carries_citizen_id=False),
}
"""Senders of HL7 v2 with everyday visits. XMFYB's charges carry only its number: its ADT links it to the citizen."""
SPECIAL = {
    "XMKQY": Hospital("HIS", "XMKQY"),
    "PTYY": Hospital("HIS", "PTYY"),
    "XMYDF": Hospital("POS", "XMYDF"),
}
"""Senders of HL7 v2 that only planted journeys go to: stomatology, the island's hospital, a chain of pharmacies."""
SENDERS = {**HOSPITALS, **SPECIAL}


@dataclass
class City:
    """The city's senders; every method sends one real message and returns the sender's view of the answer."""

    seed: int
    clock: Clock
    log: SentLog
    http: HttpWire
    mllp: dict[str, MllpWire]
    sources: dict[str, ScoreSource]
    desk: Desk
    control_prefix: str
    lists: HisLists = field(default_factory=HisLists)
    _writers: dict[str, Writer] = field(default_factory=dict)
    _visits: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _keys: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    _wakes: list[int] = field(default_factory=list)

    @property
    def scores(self) -> ScoreSource:
        """The city's own score source, Egret."""
        return self.sources["egret"]

    @property
    def wakes(self) -> tuple[int, ...]:
        """City instants that journeys wait for in `pause`: whoever moves the clock by hand moves it to the first."""
        return tuple(sorted(self._wakes))

    def person(self, number: int, score: int | None = None, born_on: str = "") -> Person:
        """Return the n-th person of this seed, with another birthday where one is given."""
        return make_person(self.seed, number, score, born_on)

    def new_visit(self) -> str:
        """Return a visit number never used before in this run."""
        return f"V{self.control_prefix}{next(self._visits):06d}"

    def new_line(
        self, amount_fen: int, department: str = "LAB", kind: str = "CG", quantity: int = 1, item: str = "250101015"
    ) -> Line:
        """Return a line with a key never used before in this run."""
        key = f"F{self.control_prefix}{next(self._keys):08d}"
        name = "血细胞分析" if item == "250101015" else "一次性材料"
        return Line(key, kind, item, name, quantity, amount_fen, department=department, order_no=f"O{key[1:]}")

    def new_key(self) -> str:
        """Return an Idempotency-Key never used before in this run."""
        return f"K{next(self._keys):08d}"

    async def adt(
        self,
        institution: str,
        event: str,
        person: Person,
        visit: str,
        scene: str,
        *,
        link: bool = False,
        happened_at: int = 0,
    ) -> Answer:
        """Send an ADT; `link` lets a hospital that otherwise sends only its number carry the citizen id too.

        `happened_at` is the city instant of an event that is told later than it happened.
        """
        carries = SENDERS[institution].carries_citizen_id or link
        message = self.writer(institution).adt(
            event, person, visit, scene, self.clock.city(), with_citizen_id=carries, happened_at=happened_at
        )
        meaning = {"kind": "adt", "event": event, "institution": institution, "visit": visit, "person": person.number}
        return (await self.mllp[institution].send(message, meaning))[1]

    async def dft(
        self,
        institution: str,
        person: Person,
        visit: str,
        scene: str,
        lines: list[Line],
        *,
        copies: int = 0,
        later: list[Resend] | None = None,
        happened_at: int = 0,
    ) -> Answer:
        """Send a DFT^P03, then the same bytes again `copies` times as a resending engine does.

        With `later` the copies are not sent now: what sends them is appended there, so that they arrive out of order.
        """
        now = self.clock.city()
        message = self.writer(institution).dft(person, visit, scene, now, lines, happened_at=happened_at)
        meaning = {
            "kind": "dft",
            "institution": institution,
            "visit": visit,
            "person": person.number,
            "lines": [[line.key, line.kind, line.amount_fen] for line in lines],
        }
        wire = self.mllp[institution]
        number, answer = await wire.send(message, meaning)
        if answer.verdict == "accepted":
            self.lists.note(institution, [(line.key, line.kind, line.amount_fen) for line in lines], now)
        for _ in range(copies):
            if later is None:
                await wire.send(message, meaning, number)
            else:
                later.append(partial(wire.send, message, meaning, number))
        return answer

    async def merge(self, institution: str, retired: Person, survivor: Person) -> Answer:
        """Send an A40: a hospital found that two of its records are one person's."""
        message = self.writer(institution).merge(retired, survivor, self.clock.city())
        meaning = {"kind": "merge", "institution": institution, "person": survivor.number, "retired": retired.number}
        return (await self.mllp[institution].send(message, meaning))[1]

    async def raw_hl7(self, institution: str, message: bytes, meaning: dict[str, Any]) -> Answer:
        """Send bytes a journey made itself, for faults."""
        return (await self.mllp[institution].send(message, meaning))[1]

    def writer(self, institution: str) -> Writer:
        """Return the message writer of a hospital."""
        if institution not in self._writers:
            self._writers[institution] = Writer(SENDERS[institution], f"{self.control_prefix}{institution[-3:]}")
        return self._writers[institution]

    async def fhir(self, institution: str, resource: dict[str, Any] | str, *, copies: int = 0) -> Answer:
        """POST a resource to its type's route as the institution's FHIR source, `copies` more times unchanged."""
        document = json.loads(resource) if isinstance(resource, str) else resource
        kind = document["resourceType"]
        path, token = f"/fhir/R4/{kind}".removesuffix("/Bundle"), f"demo-FHIR@{institution}"
        body = resource if isinstance(resource, str) else json.dumps(resource, ensure_ascii=False)
        meaning = {"kind": f"fhir {kind}", "institution": institution}
        media = "application/fhir+json"
        at = self.clock.city()
        number, answer = await self.http.post(path, body, meaning, token=token, content_type=media)
        if kind == "ChargeItem" and answer.verdict == "accepted":
            key, price = document["identifier"][0]["value"], document["priceOverride"]["value"]
            self.lists.note(institution, [(key, "CG", round(100 * price))], at)
        for _ in range(copies):
            await self.http.post(path, body, meaning, token=token, content_type=media, repeat_of=number)
        return answer

    async def api(self, path: str, body: dict[str, Any], key: str, meaning: dict[str, Any]) -> Answer:
        """POST to the JSON API with an Idempotency-Key as the city's kiosk network."""
        headers = {"Idempotency-Key": f"{self.control_prefix}-{key}"}
        return (await self.http.post(f"/api/v1{path}", body, meaning, token=_KIOSK_TOKEN, headers=headers))[1]

    async def pause(self, city_hours: float) -> None:
        """Wait until the city's clock has moved on; a frozen clock waits until the journey is cancelled."""
        until = self.clock.city() + int(city_hours * 3_600_000)
        self._wakes.append(until)
        try:
            while self.clock.city() < until:  # noqa: ASYNC110 - a clock file has no event to wait for
                await asyncio.sleep(0.05)
        finally:
            self._wakes.remove(until)

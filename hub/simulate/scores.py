"""The score sources of the city: each one stream, one message after the other, sealed and signed by its sandbox."""

import asyncio
import time
from pathlib import Path
from typing import Any, Final

from adapters.sandbox.score_sender import (
    SENDER_NAMES,
    Head,
    SenderKeys,
    build_message,
    consent_payload,
    message_id,
    score_payload,
    timestamp,
)
from hub.simulate.persons import Person
from hub.simulate.wires import Answer, HttpWire

_YEAR_MS = 365 * 86_400_000


_INITIALS: Final = {"egret": "AU", "sesame": "ZM", "bank-icbc": "IC", "bank-ccb": "CC"}
"""What the authorisations of each source begin with (hub/runtime/score_sources.toml)."""


class ScoreSource:
    """Pushes scores in sequence: the next message leaves only after the hub has taken the one before."""

    def __init__(self, keys_dir: Path, http: HttpWire, name: str = "egret") -> None:
        self.name = name
        self._keys = SenderKeys.load(keys_dir / name / "sender.json")
        self._path = f"/feeds/{name}/v1/messages"
        self._http = http
        self._sequence = 0
        self._lock = asyncio.Lock()

    async def push(
        self,
        person: Person,
        computed_at: int,
        value: int | None = None,
        *,
        admitted_at: int = 0,
        authorisation: str = "",
    ) -> Answer:
        """Push the person's score (or `value`) as computed at this city instant; its consent covers two years.

        With `admitted_at` the source only says whether the score reaches that (Sesame's brief form); `authorisation`
        names a consent other than the person's first one.
        """
        score = person.score if value is None else value
        payload = score_payload(
            person.citizen_id,
            score,
            computed_ms=computed_at,
            valid_ms=computed_at + _YEAR_MS,
            auth_id=authorisation or self._authorisation(person),
            granted_ms=computed_at - _YEAR_MS,
            expires_ms=computed_at + _YEAR_MS,
            admitted_at=admitted_at,
        )
        meaning = {"kind": "score", "person": person.number, "value": score, "computed_at": computed_at}
        return await self._send("SCORE_PUSH", payload, meaning)

    async def revoke(self, person: Person, at: int) -> Answer:
        """Tell that the person took the first consent back, which was granted a year before this city instant."""
        payload = consent_payload(
            person.citizen_id,
            auth_id=self._authorisation(person),
            granted_ms=at - _YEAR_MS,
            expires_ms=at + _YEAR_MS,
            event="REVOKE",
        )
        return await self._send("CONSENT_REVOKE", payload, {"kind": "consent revoked", "person": person.number})

    def _authorisation(self, person: Person) -> str:
        return f"{_INITIALS[self.name]}-{person.number:07d}"

    async def _send(self, kind: str, payload: dict[str, Any], meaning: dict[str, Any]) -> Answer:
        if self.name != "egret":
            meaning["source"] = self.name
        async with self._lock:
            self._sequence += 1
            now = int(time.time() * 1000)
            clear = {"ver": f"{self.name}-1", "sender": SENDER_NAMES[self.name]}
            head = Head(kind, "score", self._sequence, timestamp(now), message_id(now), **clear)
            _, answer = await self._http.post(self._path, build_message(self._keys, head, payload), meaning)
        return answer


def score_sources(keys_dir: Path, http: HttpWire) -> dict[str, ScoreSource]:
    """Return every source of the city by name, each with its own sequence."""
    return {name: ScoreSource(keys_dir, http, name) for name in SENDER_NAMES}

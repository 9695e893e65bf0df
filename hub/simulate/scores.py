"""The score source of the city: one stream, one message after the other, sealed and signed by the sandbox sender."""

import asyncio
import time
from pathlib import Path

from adapters.sandbox.egret_sender import Head, SenderKeys, build_message, message_id, score_payload, timestamp
from hub.simulate.persons import Person
from hub.simulate.wires import Answer, HttpWire

PATH = "/feeds/egret/v1/messages"
_YEAR_MS = 365 * 86_400_000


class ScoreSource:
    """Pushes scores in sequence: the next message leaves only after the hub has taken the one before."""

    def __init__(self, keys_dir: Path, http: HttpWire) -> None:
        self._keys = SenderKeys.load(keys_dir / "egret" / "sender.json")
        self._http = http
        self._sequence = 0
        self._lock = asyncio.Lock()

    async def push(self, person: Person, computed_at: int, value: int | None = None) -> Answer:
        """Push the person's score (or `value`) as computed at this city instant; its consent covers two years."""
        score = person.score if value is None else value
        payload = score_payload(
            person.citizen_id,
            score,
            computed_ms=computed_at,
            valid_ms=computed_at + _YEAR_MS,
            auth_id=f"AU-{person.number:07d}",
            granted_ms=computed_at - _YEAR_MS,
            expires_ms=computed_at + _YEAR_MS,
        )
        meaning = {"kind": "score", "person": person.number, "value": score, "computed_at": computed_at}
        async with self._lock:
            self._sequence += 1
            now = int(time.time() * 1000)
            head = Head("SCORE_PUSH", "score", self._sequence, timestamp(now), message_id(now))
            _, answer = await self._http.post(PATH, build_message(self._keys, head, payload), meaning)
        return answer

"""Where the sandbox's score sources take the hub's word: verified, opened and kept by their own implementation.

`POST /feedback/<source>/v1/messages` answers 202 with a receipt, 200 with the same one for a repeat, 409 for another
content under a known message id. `GET /mock/feedback` is what they took. `POST /mock/scenario {name, count}` makes the
next calls go wrong: `busy` answers 503 unread, `lost` takes the message and cuts the connection, `refuse` answers 422.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from adapters.sandbox.keys import SCORE_SOURCES
from adapters.sandbox.score_sender import SENDER_NAMES
from adapters.sandbox.sm2 import verify_rs

WINDOW_MS = 300_000
REWARD_POINTS = range(50, 101)
_HEAD = ("ver", "msg_type", "sender", "receiver", "msg_id", "stream", "seq", "ts", "enc_kid")
_TROUBLES = ("busy", "lost", "refuse")


class RefusedError(Exception):
    """The message is not believed or not understood; status and code are the answer."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


@dataclass(frozen=True)
class ReceiverKeys:
    """What one source believes and opens the hub's messages with."""

    sign_kid: str
    sm2_public: str
    enc_kid: str
    sm4_key: str = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> "ReceiverKeys":
        """Return the keys of `<source>/receiver.json` as `make_keys` writes it."""
        return cls(**json.loads(path.read_text("ascii")))


@dataclass
class Record:
    """What one source knows of its people from the hub; a message counts once, a withdrawn one not at all."""

    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)
    calls: int = 0

    def take(self, message: str, told: dict[str, Any]) -> bool:
        """Keep a message; return whether it was new. Raises RefusedError for another content under its id."""
        known = self.messages.get(message)
        if known is not None and known != told:
            raise RefusedError(409, "MESSAGE_CONFLICT")
        self.messages[message] = told
        if told["event"] == "OVERDUE_WITHDRAWN":
            self.withdrawn.add(told["withdraws"])
        return known is None

    def summary(self) -> dict[str, Any]:
        """Return the messages, and what counts of them by authorisation: overdue bills and points."""
        people: dict[str, dict[str, int]] = {}
        for message, told in self.messages.items():
            person = people.setdefault(told["subject"]["auth_id"], {"overdue": 0, "points": 0})
            if message not in self.withdrawn:
                person["overdue"] += told["event"] == "OVERDUE"
                person["points"] += told.get("points", 0)
        return {"messages": self.messages, "people": people, "calls": self.calls}


class ScoreReceiver:
    """All score sources of the sandbox on one port."""

    def __init__(self, keys: Path, now_ms: Callable[[], int]) -> None:
        """`now_ms` is wall time: a message's `ts` must be near it."""
        self._keys = {name: ReceiverKeys.load(keys / name / "receiver.json") for name in SCORE_SOURCES}
        self._now_ms = now_ms
        self.records = {name: Record() for name in SCORE_SOURCES}
        self._trouble = ""
        self._troubled = 0

    def application(self) -> web.Application:
        """Return the routes."""
        app = web.Application()
        app.router.add_post("/feedback/{source}/v1/messages", self._take)
        app.router.add_get("/mock/feedback", self._told)
        app.router.add_post("/mock/scenario", self._scenario)
        return app

    async def _take(self, request: web.Request) -> web.StreamResponse:
        name, body = request.match_info["source"], await request.read()
        if name not in self._keys:
            return _answer(404, {"code": "SOURCE_UNKNOWN"})
        self.records[name].calls += 1
        trouble = self._next_trouble()
        if trouble in ("busy", "refuse"):
            busy = trouble == "busy"
            return _answer(503 if busy else 422, {"code": "HUB_BUSY" if busy else "SUBJECT_UNKNOWN"})
        try:
            message, told = self._believed(name, body)
            new = self.records[name].take(message, told)
        except RefusedError as refused:
            return _answer(refused.status, {"code": refused.code})
        if trouble == "lost" and request.transport is not None:
            request.transport.close()
        receipt = hashlib.new("sm3", f"{name}|{message}".encode()).hexdigest()[:24]
        return _answer(202 if new else 200, {"msg_id": message, "receipt": receipt})

    def _believed(self, name: str, body: bytes) -> tuple[str, dict[str, Any]]:
        keys = self._keys[name]
        try:
            sent = json.loads(body)
            head = "\n".join(str(sent[part]) for part in _HEAD)
            sealed, signature = base64.b64decode(sent["payload"]), base64.b64decode(sent["sig"])
            nonce = base64.b64decode(sent["iv"])
        except (ValueError, KeyError, TypeError, binascii.Error) as fault:
            raise RefusedError(400, "BODY") from fault
        wanted = (f"{name}-1", "SCORE_FEEDBACK", "XM-HUB", SENDER_NAMES[name])
        if tuple(sent[part] for part in _HEAD[:4]) != wanted or sent["seq"] != 0:
            raise RefusedError(403, "SENDER_MISMATCH")
        if (sent["sign_kid"], sent["enc_kid"]) != (keys.sign_kid, keys.enc_kid):
            raise RefusedError(403, "KEY_UNKNOWN")
        digest = hashlib.new("sm3", sent["payload"].encode()).hexdigest()
        signed = "\n".join((head, sent["sign_kid"], sent["iv"], digest))
        if not verify_rs(keys.sm2_public, signed.encode(), signature):
            raise RefusedError(403, "SIGN_INVALID")
        if abs(self._now_ms() - _instant(sent["ts"])) > WINDOW_MS:
            raise RefusedError(409, "STALE")
        return sent["msg_id"], _content(_opened(keys, nonce, head.encode(), sealed))

    def _next_trouble(self) -> str:
        if not self._troubled:
            return ""
        self._troubled -= 1
        return self._trouble

    async def _told(self, _request: web.Request) -> web.StreamResponse:
        return _answer(200, {name: record.summary() for name, record in self.records.items()})

    async def _scenario(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        if asked.get("name") not in _TROUBLES:
            return _answer(400, {"code": "SCENARIO_UNKNOWN"})
        self._trouble, self._troubled = asked["name"], int(asked.get("count", 1))
        return _answer(200, asked)


def _instant(text: object) -> int:
    try:
        return int(datetime.fromisoformat(str(text)).timestamp() * 1000)
    except ValueError as fault:
        raise RefusedError(400, "BODY") from fault


def _opened(keys: ReceiverKeys, nonce: bytes, head: bytes, sealed: bytes) -> bytes:
    opener = Cipher(algorithms.SM4(bytes.fromhex(keys.sm4_key)), modes.GCM(nonce, sealed[-16:])).decryptor()
    opener.authenticate_additional_data(head)
    try:
        return opener.update(sealed[:-16]) + opener.finalize()
    except (InvalidTag, ValueError) as fault:
        raise RefusedError(422, "DECRYPT") from fault


def _content(plain: bytes) -> dict[str, Any]:
    """Return the content. Raises RefusedError for one that says no known thing of a known person."""
    told: dict[str, Any] = json.loads(plain)
    event, points = told.get("event"), told.get("points", 0)
    known = {
        "OVERDUE": not points and bool(told["subject"]["auth_id"]),
        "OVERDUE_WITHDRAWN": bool(told.get("withdraws")),
        "REWARD": points in REWARD_POINTS and bool(told["subject"]["auth_id"]),
    }
    if not known.get(str(event), False):
        raise RefusedError(422, "CONTENT")
    return told


def _answer(status: int, document: dict[str, Any]) -> web.Response:
    return web.json_response(document, status=status)

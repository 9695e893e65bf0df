"""The senders of scores, Egret, Sesame and banks: sealed and signed messages, good and bad ones (protocols 8.1, 10).

Nothing here is shared with the hub's reader: own SM2, own SM4-GCM, own JSON.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from adapters.sandbox.beijing import text_of
from adapters.sandbox.sm2 import sign_rs

SENDER_NAMES = {"egret": "XM-EGRET", "sesame": "ZHIMA", "bank-icbc": "ICBC", "bank-ccb": "CCB"}
"""How each source of the demo city names itself."""
_ULID = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True)
class SenderKeys:
    """The sender's keys with their ids."""

    sign_kid: str
    enc_kid: str
    sm2_private: str = field(repr=False)
    sm4_key: str = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> "SenderKeys":
        """Return the keys of `<source>/sender.json` as `make_keys` writes it."""
        return cls(**json.loads(path.read_text("ascii")))


@dataclass(frozen=True)
class Head:
    """The clear part of a message."""

    msg_type: str
    stream: str
    seq: int
    ts: str
    msg_id: str
    ver: str = "egret-1"
    sender: str = "XM-EGRET"
    receiver: str = "XM-HUB"


def message_id(now_ms: int) -> str:
    """Return a fresh ULID: 48 bits of time, 80 random."""
    number = (now_ms << 80) | secrets.randbits(80)
    return "".join(_ULID[(number >> shift) & 31] for shift in range(125, -1, -5))


def timestamp(instant_ms: int) -> str:
    """Return RFC 3339 in Beijing time."""
    return text_of(instant_ms, "%Y-%m-%dT%H:%M:%S+08:00")


def score_payload(
    id_no: str, value: int, *, computed_ms: int, valid_ms: int, auth_id: str, granted_ms: int, expires_ms: int,
    name: str = "", scope: tuple[str, ...] = ("medical_credit",), event: str = "UPDATE", admitted_at: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Return the plain content of a SCORE_PUSH; with `admitted_at` it only says whether the value reaches that."""
    word: dict[str, Any] = {"value": value}
    if admitted_at:
        word = {"admitted": value >= admitted_at, "admittance_score": admitted_at}
    return {
        "authorization": _authorization(auth_id, granted_ms, expires_ms, scope),
        "event": event,
        "score": {
            "computed_at": timestamp(computed_ms),
            "model": "egret-2026.1",
            "valid_until": timestamp(valid_ms),
            **word,
        },
        "subject": {"id_no": id_no, "id_type": "01", "name": name},
    }


def consent_payload(
    id_no: str, *, auth_id: str, granted_ms: int, expires_ms: int, event: str, name: str = "",
    scope: tuple[str, ...] = ("medical_credit",),
) -> dict[str, Any]:  # fmt: skip
    """Return the plain content of a CONSENT_GRANT or CONSENT_REVOKE; `event` is GRANT or REVOKE."""
    return {
        "authorization": _authorization(auth_id, granted_ms, expires_ms, scope),
        "event": event,
        "subject": {"id_no": id_no, "id_type": "01", "name": name},
    }


def build_message(
    keys: SenderKeys,
    head: Head,
    payload: Mapping[str, Any] | bytes,
    *,
    iv: bytes | None = None,
    signed_as: Head | None = None,
) -> dict[str, Any]:
    """Return the message as JSON values: encrypted, then signed.

    `iv` and `signed_as` (another head under the seal, for hostile messages) are for tests.
    """
    plain = payload if isinstance(payload, bytes) else _canonical(payload)
    nonce = secrets.token_bytes(12) if iv is None else iv
    text = _head_text(signed_as or head, keys.enc_kid)
    sealed = _sm4_gcm(bytes.fromhex(keys.sm4_key), nonce, text.encode(), plain)
    iv_text, payload_text = _b64(nonce), _b64(sealed)
    signed = _signed_text(keys, head, iv_text, payload_text)
    return {
        **{
            name: getattr(head, name)
            for name in ("ver", "msg_type", "sender", "receiver", "msg_id", "stream", "seq", "ts")
        },
        "enc_kid": keys.enc_kid,
        "iv": iv_text,
        "payload": payload_text,
        "sign_kid": keys.sign_kid,
        "sig": _b64(sign_rs(keys.sm2_private, signed.encode())),
    }


HOSTILE = (
    "seq_gap", "replay", "replay_altered", "stale_ts", "future_ts", "bad_sig", "unknown_kid", "bad_tag", "wrong_aad",
)  # fmt: skip
"""Names of the single-message scenarios of protocols 10 that `hostile_message` builds."""


def hostile_message(
    name: str, keys: SenderKeys, head: Head, payload: Mapping[str, Any], now_ms: int
) -> tuple[dict[str, Any], ...]:
    """Return the messages of a hostile scenario, in sending order; the first of a replay is the honest one.

    Raises KeyError for a name that is not in HOSTILE.
    """
    honest = build_message(keys, head, payload)
    builders: dict[str, Callable[[], tuple[dict[str, Any], ...]]] = {
        "seq_gap": lambda: (build_message(keys, replace(head, seq=head.seq + 1), payload),),
        "replay": lambda: (honest, honest),
        "replay_altered": lambda: (honest, build_message(keys, head, {**payload, "event": "ALTERED"})),
        "stale_ts": lambda: (build_message(keys, replace(head, ts=timestamp(now_ms - 301_000)), payload),),
        "future_ts": lambda: (build_message(keys, replace(head, ts=timestamp(now_ms + 301_000)), payload),),
        "bad_sig": lambda: ({**honest, "sig": _flipped(honest["sig"])},),
        "unknown_kid": lambda: (build_message(replace(keys, sign_kid="egret-sm2-nobody"), head, payload),),
        "bad_tag": lambda: (_resigned(keys, head, honest["iv"], _flipped(honest["payload"]), honest),),
        "wrong_aad": lambda: (build_message(keys, head, payload, signed_as=replace(head, seq=head.seq + 1)),),
    }
    return builders[name]()


def _authorization(auth_id: str, granted_ms: int, expires_ms: int, scope: tuple[str, ...]) -> dict[str, Any]:
    return {
        "auth_id": auth_id,
        "expires_at": timestamp(expires_ms),
        "granted_at": timestamp(granted_ms),
        "scope": list(scope),
    }


def _canonical(payload: Mapping[str, Any]) -> bytes:
    return json.dumps(payload, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _head_text(head: Head, enc_kid: str) -> str:
    parts = (head.ver, head.msg_type, head.sender, head.receiver, head.msg_id, head.stream, head.seq, head.ts, enc_kid)
    return "\n".join(map(str, parts))


def _resigned(
    keys: SenderKeys, head: Head, iv_text: str, payload_text: str, message: Mapping[str, Any]
) -> dict[str, Any]:
    signed = _signed_text(keys, head, iv_text, payload_text)
    return {**message, "payload": payload_text, "sig": _b64(sign_rs(keys.sm2_private, signed.encode()))}


def _signed_text(keys: SenderKeys, head: Head, iv_text: str, payload_text: str) -> str:
    digest = hashlib.new("sm3", payload_text.encode()).hexdigest()
    return "\n".join((_head_text(head, keys.enc_kid), keys.sign_kid, iv_text, digest))


def _sm4_gcm(key: bytes, nonce: bytes, associated: bytes, plain: bytes) -> bytes:
    sealer = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
    sealer.authenticate_additional_data(associated)
    return sealer.update(plain) + sealer.finalize() + sealer.tag


def _flipped(text: str) -> str:
    raw = bytearray(base64.b64decode(text))
    raw[-1] ^= 1
    return _b64(bytes(raw))


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")

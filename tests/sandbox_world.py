"""A merchant built by hand from the wire formats, and a receiver of notices, around the sandbox gateways."""

import asyncio
import base64
import hashlib
import json
import time
import urllib.parse
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from adapters.sandbox.keys import certificate, make_keys, private_key, public_key
from adapters.sandbox.server import Sandbox, serving
from adapters.sandbox.settings import Mix, SandboxSettings


def beijing(seconds_from_now: float, form: str) -> str:
    """Return Beijing time, so many seconds from now."""
    return (datetime.now(UTC) + timedelta(hours=8, seconds=seconds_from_now)).strftime(form)


def joined(fields: Mapping[str, str], *without: str, keep_empty: bool = False) -> str:
    """Return the text that gets signed."""
    return "&".join(f"{k}={fields[k]}" for k in sorted(fields) if k not in without and (fields[k] or keep_empty))


def sign(key: Any, content: bytes) -> str:
    """Return SHA256withRSA in base64."""
    return base64.b64encode(key.sign(content, padding.PKCS1v15(), hashes.SHA256())).decode()


def check(key: Any, content: bytes, signature: str) -> None:
    """Raise InvalidSignature unless the key signed the content."""
    key.verify(base64.b64decode(signature), content, padding.PKCS1v15(), hashes.SHA256())


@dataclass
class Receiver:
    """Takes notices in; `reply` decides from the number of the notice (from 1) what it answers."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    reply: Callable[[int], tuple[int, bytes]] = lambda _number: (200, b"success")
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def fields(self) -> list[dict[str, str]]:
        """Return the notices' fields, decoded by the charset they name."""
        return [self.decoded(body) for body in self.bodies]

    def decoded(self, body: bytes) -> dict[str, str]:
        """Return the fields of one notice."""
        encoding = "gb18030" if b"charset=GBK" in body else "utf-8"
        return dict(urllib.parse.parse_qsl(body.decode("ascii"), keep_blank_values=True, encoding=encoding))

    async def wait(self, count: int, seconds: float = 10) -> None:
        """Return once so many notices came. Raises TimeoutError."""
        async with asyncio.timeout(seconds), self.arrived:
            await self.arrived.wait_for(lambda: len(self.bodies) >= count)

    async def take(self, request: web.Request) -> web.Response:
        """Keep one notice."""
        body = await request.read()
        async with self.arrived:
            self.bodies.append(body)
            self.arrived.notify_all()
        status, said = self.reply(len(self.bodies))
        return web.Response(status=status, body=said)


@dataclass
class Merchant:
    """Builds requests, checks answers; nothing of it is shared with the sandbox or the hub."""

    keys: Path
    sandbox: Sandbox
    session: aiohttp.ClientSession
    receiver: Receiver

    def __post_init__(self) -> None:
        """Load the keys once."""
        self.alipay_private = private_key(self.keys / "alipay/merchant_private.pem")
        self.alipay_public = public_key(self.keys / "alipay/gateway_public.pem")
        self.union_private = private_key(self.keys / "unionpay/merchant_private.pem")
        self.union_serial = str(certificate(self.keys / "unionpay/merchant.cer").serial_number)

    async def alipay(self, method: str, content: Mapping[str, Any], **changes: str) -> dict[str, Any]:
        """Call Alipay; return the inner object after checking the signature over its raw text."""
        text = await self.alipay_text(method, content, **changes)
        inner = text[text.index(":{") + 1 : text.rindex(',"sign"')]
        check(self.alipay_public, inner.encode(), json.loads(text)["sign"])
        said: dict[str, Any] = json.loads(inner)
        return said

    async def alipay_text(self, method: str, content: Mapping[str, Any], **changes: str) -> str:
        """Call Alipay; return the answer as it came."""
        fields = {
            "app_id": "2021000000000001", "method": method, "format": "JSON", "charset": "utf-8", "sign_type": "RSA2",
            "timestamp": beijing(0, "%Y-%m-%d %H:%M:%S"), "version": "1.0", "notify_url": self.receiver.url,
            "biz_content": json.dumps(content, ensure_ascii=False), **changes,
        }  # fmt: skip
        fields["sign"] = fields.get("sign") or sign(self.alipay_private, joined(fields, "sign").encode())
        async with self.session.post(self.sandbox.alipay_url, data=fields) as answer:
            answer.raise_for_status()
            return await answer.text()

    async def pay(self, number: str, amount: str, attempt: int = 1, expires_s: float = 300) -> dict[str, Any]:
        """Debit through an agreement."""
        return await self.alipay("alipay.trade.pay", self.pay_content(number, amount, attempt, expires_s))

    def pay_content(self, number: str, amount: str, attempt: int = 1, expires_s: float = 300) -> dict[str, Any]:
        """Return the content of a debit."""
        return {
            "out_trade_no": number, "total_amount": amount, "subject": "信用就医",
            "product_code": "GENERAL_WITHHOLDING", "agreement_params": {"agreement_no": f"AGR{number}"},
            "time_expire": beijing(expires_s, "%Y-%m-%d %H:%M:%S"), "passback_params": f"attempt.{attempt}",
        }  # fmt: skip

    async def ask(self, number: str) -> dict[str, Any]:
        """Query an Alipay order."""
        return await self.alipay("alipay.trade.query", {"out_trade_no": number})

    async def refund(self, number: str, amount: str, request_no: str) -> dict[str, Any]:
        """Refund part of an Alipay order."""
        content = {"out_trade_no": number, "refund_amount": amount, "out_request_no": request_no}
        return await self.alipay("alipay.trade.refund", content)

    async def union(self, path: str, **fields: str) -> dict[str, str]:
        """Call UnionPay; return the answer's fields after checking chain and signature."""
        said = self.union_fields(await self.union_text(path, **fields))
        self.check_union(said)
        return said

    async def union_text(self, path: str, **fields: str) -> str:
        """Call UnionPay; return the answer as it came."""
        whole = {
            "version": "5.1.0", "encoding": "UTF-8", "signMethod": "01", "certId": self.union_serial, "accessType": "0",
            "bizType": "000501", "merId": "777290058146592", "txnSubType": "00", **fields,
        }  # fmt: skip
        digest = hashlib.sha256(joined(whole, "signature").encode()).hexdigest()
        whole["signature"] = whole.get("signature") or sign(self.union_private, digest.encode())
        async with self.session.post(f"{self.sandbox.unionpay_url}{path}", data=whole) as answer:
            answer.raise_for_status()
            return await answer.text()

    def union_fields(self, text: str) -> dict[str, str]:
        """Return the fields of an answer: split at `&` outside braces, then at the first `=`."""
        parts, depth, start = [], 0, 0
        for position, letter in enumerate(text):
            depth += {"{": 1, "}": -1}.get(letter, 0)
            if letter == "&" and not depth:
                parts.append(text[start:position])
                start = position + 1
        return dict(part.split("=", 1) for part in [*parts, text[start:]])

    def check_union(self, fields: Mapping[str, str]) -> None:
        """Raise InvalidSignature unless the signer under the pinned chain signed the fields, valid at `txnTime`."""
        leaf = x509.load_pem_x509_certificate(fields["signPubKeyCert"].encode())
        issuer, root = (certificate(self.keys / "unionpay" / f"{name}.cer") for name in ("middle", "root"))
        leaf.verify_directly_issued_by(issuer)
        issuer.verify_directly_issued_by(root)
        digest = hashlib.sha256(joined(fields, "signature").encode()).hexdigest()
        check(leaf.public_key(), digest.encode(), fields["signature"])

    async def debit(self, number: str, amount_fen: int, *, expires_s: float = 300, **more: str) -> dict[str, str]:
        """Debit through UnionPay (代收)."""
        return await self.union(
            "/gateway/api/backTransReq.do", **self.debit_fields(number, amount_fen, expires_s), **more
        )

    def debit_fields(self, number: str, amount_fen: int, expires_s: float = 300, attempt: int = 1) -> dict[str, str]:
        """Return the fields of a debit; the time is the same for one number."""
        return {
            "txnType": "11", "channelType": "07", "orderId": number, "txnTime": self.txn_time(number),
            "currencyCode": "156", "txnAmt": str(amount_fen), "accType": "01", "backUrl": self.receiver.url,
            "payTimeout": beijing(expires_s, "%Y%m%d%H%M%S"), "reqReserved": f"attempt.{attempt}",
        }  # fmt: skip

    def txn_time(self, number: str) -> str:
        """Return the transaction time of an order number: fixed when first asked."""
        times = self.__dict__.setdefault("_times", {})
        return str(times.setdefault(number, beijing(0, "%Y%m%d%H%M%S")))

    async def inquire(self, number: str) -> dict[str, str]:
        """Query a UnionPay order."""
        fields = {"txnType": "00", "orderId": number, "txnTime": self.txn_time(number)}
        return await self.union("/gateway/api/queryTrans.do", **fields)

    async def give_back(self, number: str, amount_fen: int, query_id: str, kind: str = "04") -> dict[str, str]:
        """Refund (04) or cancel (31) at UnionPay."""
        return await self.union(
            "/gateway/api/backTransReq.do", txnType=kind, channelType="07", orderId=number, currencyCode="156",
            txnTime=self.txn_time(number), txnAmt=str(amount_fen), origQryId=query_id, backUrl=self.receiver.url,
        )  # fmt: skip

    async def ledger(self, channel: str) -> dict[str, Any]:
        """Return the gateway's book."""
        async with self.session.get(f"{self.base(channel)}/mock/ledger") as answer:
            book: dict[str, Any] = await answer.json()
        return book

    async def entry(self, channel: str, number: str) -> dict[str, Any]:
        """Return one order of the book."""
        return next(order for order in (await self.ledger(channel))["orders"] if order["order_no"] == number)

    async def control(self, channel: str, route: str, /, **asked: Any) -> int:
        """Send a control request; return its status."""
        async with self.session.post(f"{self.base(channel)}/mock/{route}", json=asked) as answer:
            return answer.status

    def base(self, channel: str) -> str:
        """Return the address of a channel."""
        return self.sandbox.alipay_url if channel == "alipay" else self.sandbox.unionpay_url


@asynccontextmanager
async def market(keys: Path, **settings: Any) -> AsyncIterator[Merchant]:
    """Both gateways, fast and without a mix unless told otherwise, a merchant and its receiver."""
    make_keys(keys)
    told = {"delay_scale": 0.01, "latency_median_ms": 0, "notice_delay_s": (0.3, 0.3), "mix": Mix.always_success()}
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/notify", receiver.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/notify"
    try:
        async with (
            serving(SandboxSettings(keys, **{**told, **settings})) as sandbox,
            aiohttp.ClientSession() as session,
        ):
            yield Merchant(keys, sandbox, session, receiver)
    finally:
        await runner.cleanup()


async def until(true: Callable[[], Any], seconds: float = 60) -> Any:
    """Return what the awaitable condition gives once it is true. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := await true():
            return found
        await asyncio.sleep(0.02)
    raise TimeoutError("the condition did not become true")

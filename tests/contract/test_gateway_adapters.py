"""The hub's own adapters against the sandbox gateways: two implementations of one wire format, written apart."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sandbox_world import Merchant, market

from adapters.alipay import access as alipay_access
from adapters.alipay import translation as alipay_translation
from adapters.alipay.client import AlipayClient
from adapters.unionpay import access as unionpay_access
from adapters.unionpay import translation as unionpay_translation
from adapters.unionpay.client import UnionPayClient
from hub.runtime.wire import Inbound, Refusal
from schemas.commands import NoteAgreementEnd, ReceiveNotice
from schemas.errands import DebitErrand, QueryErrand, RefundErrand
from schemas.ids import account_id, make_id

ACCOUNT = account_id(b"city", "person", "1")
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys made once."""
    return tmp_path_factory.mktemp("keys")


class Courier:
    """Both clients of the hub, and its readers of notices."""

    def __init__(self, merchant: Merchant) -> None:
        self.merchant = merchant
        folder = merchant.keys
        self.alipay_access = alipay_access.AlipayAccess(
            "2021000000000001",
            "2088000000000001",
            merchant.sandbox.alipay_url,
            merchant.receiver.url,
            alipay_access.private_key_from(folder / "alipay/merchant_private.pem"),
            alipay_access.public_key_from(folder / "alipay/gateway_public.pem"),
        )
        union = folder / "unionpay"
        self.union_access = unionpay_access.UnionPayAccess(
            "777290058146592",
            merchant.union_serial,
            merchant.sandbox.unionpay_url,
            merchant.receiver.url,
            unionpay_access.Trust(
                unionpay_access.certificate_from(union / "root.cer"),
                unionpay_access.certificate_from(union / "middle.cer"),
                unionpay_access.TEST_NAME,
            ),
            unionpay_access.private_key_from(union / "merchant_private.pem"),
        )
        self.clients = {
            "alipay": AlipayClient(self.alipay_access, merchant.session, wall),
            "unionpay": UnionPayClient(self.union_access, merchant.session, wall),
        }

    async def debit(self, channel: Any, amount_fen: int, sequence: int = 1, attempt: int = 1) -> tuple[str, str]:
        """Debit and return status and cause, or the fault."""
        number, now = make_id(ACCOUNT, "D", sequence), wall()
        errand = DebitErrand(
            "e", ACCOUNT, make_id(ACCOUNT, "B", 1), channel, "AG1", number, amount_fen, attempt, now,
            now + 300_000, now + 240_000,
        )  # fmt: skip
        self.last = errand
        outcome = await self.clients[channel].debit(errand)
        return outcome.result.status, outcome.fault or outcome.result.cause

    async def query(self) -> Any:
        """Ask about the last debit and return the whole result."""
        last = self.last
        errand = QueryErrand(
            "q", ACCOUNT, last.channel, last.order_no, last.amount_fen, last.txn_wall_at, last.expires_wall_at
        )
        return (await self.clients[last.channel].query(errand)).result

    async def refund(self, amount_fen: int, sequence: int, *, ask: bool = False) -> Any:
        """Refund part of the last debit, or ask about it, and return the whole result."""
        trade = (await self.query()).trade_no
        number = make_id(ACCOUNT, "R", sequence)
        errand = RefundErrand(
            "r", ACCOUNT, self.last.channel, self.last.order_no, trade, number, amount_fen, self.last.txn_wall_at, ask
        )
        return (await self.clients[self.last.channel].refund(errand)).result

    async def notices(self, count: int) -> list[Inbound | Refusal]:
        """Return what the hub makes of the first notices."""
        await self.merchant.receiver.wait(count)
        found: list[Any] = []
        for body in self.merchant.receiver.bodies:
            if b"notify_type" in body:
                found.append(alipay_translation.judge(self.alipay_access, body, FORM))
            else:
                found.append(unionpay_translation.judge(self.union_access, body, FORM))
        return found


def wall() -> int:
    """Return the wall instant in milliseconds."""
    return time.time_ns() // 1_000_000


@pytest.fixture
async def courier(keys: Path) -> AsyncIterator[Courier]:
    """The hub's clients before both gateways."""
    async with market(keys) as merchant:
        yield Courier(merchant)


ALIPAY = {
    810: ("paid", ""),
    101: ("failed", "nsf"),
    103: ("failed", "limit"),
    104: ("failed", "agreement_dead"),
    105: ("failed", "risk"),
    106: ("failed", "period_rule"),
    107: ("failed", "nsf"),
    108: ("waiting", ""),
    109: ("waiting", ""),
    110: ("unknown", ""),
    111: ("unknown", ""),
    112: ("unknown", ""),
    119: ("unknown", "SIGN_INVALID"),
    120: ("unknown", ""),
    123: ("waiting", ""),
    132: ("paid", ""),
}
UNIONPAY = {
    810: ("waiting", ""),
    101: ("waiting", ""),
    103: ("failed", "limit"),
    104: ("failed", "agreement_dead"),
    105: ("failed", "risk"),
    106: ("failed", "period_rule"),
    107: ("failed", "card"),
    108: ("unknown", ""),
    109: ("unknown", ""),
    110: ("unknown", ""),
    111: ("unknown", ""),
    112: ("unknown", ""),
    119: ("unknown", "SIGN_INVALID"),
    120: ("unknown", ""),
    123: ("unknown", ""),  # 42, charged after the time limit: the money moved, a query says so
    132: ("waiting", ""),
}
QUERIES = {
    "alipay": {810: "paid", 108: "waiting", 110: "paid", 111: "not_exist", 112: "not_exist", 119: "paid", 120: "paid"},
    "unionpay": {
        810: "paid", 101: "failed", 103: "failed", 108: "unknown", 110: "paid", 111: "not_exist", 112: "not_exist",
        119: "paid", 120: "paid", 123: "paid", 130: "paid", 132: "paid",
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("channel", "fen", "expected"),
    [("alipay", fen, said) for fen, said in ALIPAY.items()]
    + [("unionpay", fen, said) for fen, said in UNIONPAY.items()],
)
async def test_the_hub_reads_each_answer_and_query_as_the_gateway_meant_it(
    courier: Courier, channel: str, fen: int, expected: tuple[str, str]
):
    """Status and cause of the synchronous answer, then the status of a query, for each sentinel."""
    assert await courier.debit(channel, fen) == expected
    asked = QUERIES[channel].get(fen)
    if asked is not None:
        assert (await courier.query()).status == asked


@pytest.mark.parametrize("channel", ["alipay", "unionpay"])
async def test_the_attempt_reaches_the_gateway(courier: Courier, channel: str):
    """Sentinel 102: the third attempt is paid, so its number arrived in the channel's own field."""
    found = []
    for attempt in (1, 2, 3):
        await courier.debit(channel, 102, sequence=attempt, attempt=attempt)
        found.append((await courier.query()).status == "paid")
    assert found == [False, False, True]
    orders = (await courier.merchant.ledger(channel))["orders"]
    assert [order["attempts"][0]["attempt"] for order in orders] == [1, 2, 3]


@pytest.mark.parametrize("channel", ["alipay", "unionpay"])
async def test_refunds_are_read_on_both_channels(courier: Courier, channel: str):
    """A refund, its repeat and the question: refunded in the end, moved once."""
    await courier.debit(channel, 6000)
    first, again = await courier.refund(2500, 1), await courier.refund(2500, 1)
    assert {first.status, again.status} <= {"refunded", "waiting", "unknown"}
    assert (await courier.refund(2500, 1, ask=True)).status == "refunded"
    entry = await courier.merchant.entry(channel, courier.last.order_no)
    assert [(move["kind"], move["amount_fen"]) for move in entry["movements"]] == [("debit", 6000), ("refund", 2500)]


@pytest.mark.parametrize("channel", ["alipay", "unionpay"])
async def test_a_refused_refund_is_final_for_the_hub(courier: Courier, channel: str):
    """Sentinel 122."""
    await courier.debit(channel, 122)
    assert (await courier.refund(100, 1)).status == "refund_failed"


@pytest.mark.parametrize("fen", [810, 114, 115, 130])
@pytest.mark.parametrize("channel", ["alipay", "unionpay"])
async def test_the_hub_believes_the_gateways_notices(courier: Courier, channel: str, fen: int):
    """Plain, repeated, early, in GBK or with a certificate that has expired since: paid, with our fen."""
    await courier.debit(channel, fen)
    first = (await courier.notices(1))[0]
    assert isinstance(first, Inbound)
    assert isinstance(first.body, ReceiveNotice)
    assert (first.body.status, first.body.amount_fen, first.account) == ("paid", fen, ACCOUNT)


@pytest.mark.parametrize(
    ("channel", "fen", "reason"),
    [("alipay", 117, "SIGN_INVALID"), ("unionpay", 117, "CERT_CHAIN"), ("alipay", 132, "PARAM_DUPLICATE")],
)
async def test_the_hub_refuses_hostile_notices(courier: Courier, channel: str, fen: int, reason: str):
    """Forged, of a foreign chain, with a key twice."""
    await courier.debit(channel, fen)
    first = (await courier.notices(1))[0]
    assert isinstance(first, Refusal)
    assert first.reason == reason


async def test_a_dead_agreement_reaches_its_account(courier: Courier):
    """Sentinel 104: the notice names the payer and the agreement."""
    await courier.debit("alipay", 104)
    (first,) = await courier.notices(1)
    assert isinstance(first, Inbound)
    assert isinstance(first.body, NoteAgreementEnd)
    assert (first.account, first.body.channel_agreement) == (ACCOUNT, "AG1")

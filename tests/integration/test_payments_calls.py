"""The calls of both gateway clients over a real socket: answers in pieces, cut, late, too long or of another status."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import aiohttp
import pytest
from canned_answers import response, serving
from payments_world import ACCOUNT, ORDER, REFUND, alipay, answer, plain, signed_union, unionpay

from adapters.alipay.client import AlipayClient
from adapters.unionpay.client import UnionPayClient
from schemas.errands import DebitErrand, QueryErrand, RefundErrand

Channel = Literal["alipay", "unionpay"]
NOW = 1_783_090_805_123
CHANNELS = pytest.mark.parametrize("channel", ["alipay", "unionpay"])
GOOD = {
    "alipay": answer("alipay.trade.query", {
        "code": "10000", "out_trade_no": ORDER, "total_amount": "8.10", "trade_no": "T1",
        "trade_status": "TRADE_SUCCESS", "subject": "医疗" * 300,
    }),
    "unionpay": plain(signed_union(origRespCode="00")),
}  # fmt: skip


async def asked(channel: Channel, url: str, act: Callable[[Any], Any] | None = None, limit_seconds: float = 5.0) -> Any:
    """Return the outcome of a query, or of another act, of the channel's client."""
    query = QueryErrand("q", ACCOUNT, channel, ORDER, 810, NOW, NOW)
    async with aiohttp.ClientSession() as session:
        access: Any = alipay() if channel == "alipay" else unionpay()
        kind: Any = AlipayClient if channel == "alipay" else UnionPayClient
        client = kind(replace(access, gateway_url=url, timeout_seconds=limit_seconds), session, lambda: NOW)
        return await (act(client) if act else client.query(query))


@CHANNELS
async def test_an_answer_in_many_pieces_is_one_answer(channel: Channel):
    """A certificate makes an answer longer than one packet: what comes first is not all of it."""
    whole = response(GOOD[channel])
    cut = len(whole) - len(GOOD[channel]) + 200
    pieces = [whole[:cut], *(whole[at : at + 500] for at in range(cut, len(whole), 500))]
    async with serving(pieces, 0.02) as url:
        outcome = await asked(channel, url)
    assert (outcome.fault, outcome.result.status, outcome.result.amount_fen) == (None, "paid", 810)
    assert (outcome.result.sent_wall_at, outcome.result.order_no, outcome.received) == (NOW, ORDER, b"")


@CHANNELS
@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [response(b"<html>", "502 Bad Gateway")],
        [response(b"moved", "302 Found\r\nLocation: /elsewhere")],
        [response(b"x" * 300, length=400)],
        [response(b"", length=300 * 1024), *[b"x" * 65536] * 5],
        [b"garbage that is no http at all\r\n\r\n"],
    ],
    ids=["closed", "502", "redirect", "cut", "too long", "no http"],
)
async def test_no_answer_says_nothing_of_the_order(channel: Channel, pieces: list[bytes]):
    """Closed, an error page, a redirect, a cut or endless body: unknown, no fault, nothing raised."""
    async with serving(pieces) as url:
        outcome = await asked(channel, url)
    assert (outcome.result.status, outcome.fault) == ("unknown", None)
    assert outcome.result.gateway_code == "NO_ANSWER"


@CHANNELS
async def test_an_answer_that_comes_too_late_or_never_is_unknown(channel: Channel):
    """The timeout bounds the whole call, a trickling body too; a refused connection is no answer either."""
    begun = time.monotonic()
    async with serving([response(b"", length=100), *[b"x"] * 50], 0.1) as url:
        outcome = await asked(channel, url, limit_seconds=0.3)
    assert (outcome.result.gateway_code, time.monotonic() - begun < 3) == ("NO_ANSWER", True)
    outcome = await asked(channel, url)
    assert outcome.result.gateway_code == "NO_ANSWER"


@CHANNELS
async def test_an_answer_that_is_not_believed_is_kept_whole(channel: Channel):
    """Row 80 and 88: unknown, with the reason and the very bytes for the dead letter."""
    spoiled = GOOD[channel].replace(b"810", b"811").replace(b"8.10", b"8.11")
    async with serving([response(spoiled)]) as url:
        outcome = await asked(channel, url)
    assert (outcome.result.status, outcome.fault, outcome.received) == ("unknown", "SIGN_INVALID", spoiled)


@CHANNELS
async def test_each_act_is_recorded_as_itself(channel: Channel):
    """Debit, refund and the question about it name their operation, errand and refund number."""
    debit = DebitErrand("d", ACCOUNT, "b", channel, "AG1", ORDER, 810, 1, NOW, NOW + 300_000, NOW + 240_000)
    refund = RefundErrand("r", ACCOUNT, channel, ORDER, "T1", REFUND, 250, NOW)
    ask = RefundErrand("a", ACCOUNT, channel, ORDER, "T1", REFUND, 250, NOW, query=True)
    acts: list[Callable[[Any], Any]] = [
        lambda client: client.debit(debit),
        lambda client: client.refund(refund),
        lambda client: client.refund(ask),
    ]
    async with serving([response(json.dumps({}).encode())]) as url:
        found = [(await asked(channel, url, act)).result for act in acts]
    assert [(each.operation, each.errand_id, each.refund_no) for each in found] == [
        ("debit", "d", ""),
        ("refund", "r", REFUND),
        ("refund_query", "a", REFUND),
    ]
    assert {each.status for each in found} == {"unknown"}

"""Bill files over the wire: the hub's readers against what the sandbox gateways hand out of their own books."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sandbox_world import Merchant, market
from test_gateway_adapters import Courier

from adapters.alipay.bills import AlipayBills
from adapters.sandbox.gateway import Scenario
from adapters.unionpay.bills import UnionPayBills
from hub.runtime.bill_files import BillFileError
from schemas.errors import TransportError
from schemas.reasons import Reason

TODAY = datetime.now(UTC).astimezone(timezone(timedelta(hours=8))).date()
CHANNELS = ("alipay", "unionpay")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys made once."""
    return tmp_path_factory.mktemp("keys")


@pytest.fixture
async def courier(keys: Path) -> AsyncIterator[Courier]:
    """The hub's clients before a sandbox of its own."""
    async with market(keys) as merchant:
        yield Courier(merchant)


def bills(courier: Courier, channel: str) -> Any:
    """Return the hub's reader of a channel's bills."""
    merchant: Merchant = courier.merchant
    if channel == "alipay":
        return AlipayBills(courier.alipay_access, merchant.session, lambda: time.time_ns() // 1_000_000)
    return UnionPayBills(courier.union_access, merchant.session, lambda: time.time_ns() // 1_000_000)


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_days_bill_holds_every_payment_of_the_gateways_own_book(courier: Courier, channel: str):
    """Order numbers and fen are those that moved; a refused order is not in it; another day is empty."""
    for sequence, fen in enumerate((810, 1_500, 101), start=1):
        await courier.debit(channel, fen, sequence)
    book, digest = await bills(courier, channel).fetch(TODAY)
    assert sorted(entry.amount_fen for entry in book.entries) == [810, 1_500]
    assert {entry.kind for entry in book.entries} == {"payment"}
    assert len(digest) == 64
    empty, _ = await bills(courier, channel).fetch(TODAY - timedelta(days=3))
    assert empty.entries == ()


@pytest.mark.parametrize("channel", CHANNELS)
async def test_sentinels_bend_the_bill_as_protocols_10_says(courier: Courier, channel: str):
    """124 stands in the next day's bill, 126 is off by a fen, 128 has a refund that only the channel knows."""
    for sequence, fen in enumerate((124, 126, 128), start=1):
        await courier.debit(channel, fen, sequence)
    today, _ = await bills(courier, channel).fetch(TODAY)
    tomorrow, _ = await bills(courier, channel).fetch(TODAY + timedelta(days=1))
    assert sorted(entry.amount_fen for entry in today.entries) == [-1, 127, 128]
    assert [entry.amount_fen for entry in tomorrow.entries] == [124]


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_broken_bill_is_refused_whole_and_read_when_it_is_whole(courier: Courier, channel: str):
    """127: wrong totals of Alipay, a row one character short of UnionPay; the next download is right."""
    await courier.debit(channel, 127)
    with pytest.raises(BillFileError) as raised:
        await bills(courier, channel).fetch(TODAY)
    assert raised.value.reason in (Reason.BILL_FILE_TOTALS, Reason.BILL_FILE_FORM)
    book, _ = await bills(courier, channel).fetch(TODAY)
    assert [entry.amount_fen for entry in book.entries] == [127]


async def test_an_address_of_alipay_holds_for_thirty_seconds(courier: Courier):
    """Afterwards, and for a token nobody was given, there is no file."""
    merchant = courier.merchant
    gateway = merchant.sandbox.alipay
    token = gateway.bills.token_for(TODAY, gateway.clock.now_ms())
    address = f"{gateway.address}/downloadBillFile.resource?token="
    async with merchant.session.get(address + token) as answer:
        assert answer.status == 200
    gateway.clock.advance(31)
    for asked in (token, "another"):
        async with merchant.session.get(address + asked) as answer:
            assert answer.status == 404


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_gateway_that_is_out_is_no_missing_bill(courier: Courier, channel: str):
    """An outage is tried again later; it never reads as an empty day."""
    getattr(courier.merchant.sandbox, channel).scenario = Scenario.OUTAGE
    with pytest.raises(TransportError):
        await bills(courier, channel).fetch(TODAY)

"""The courier on a real Kafka against both sandbox gateways: one errand, one call, one result, in order."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from canned_answers import response, serving
from courier_world import CourierWorld, debit, person, query, sandbox, wall, with_gateways, world_of
from payments_world import answer, public_pem

from hub.roles.courier import Courier
from hub.runtime.bus import group_lag
from hub.runtime.clock import SystemClock
from hub.runtime.guomi.vault import open_provider
from hub.runtime.metrics import COURIER_UNLISTED_CODES
from hub.runtime.sealing import Sealer
from hub.runtime.settings import Settings
from schemas.commands import CheckEligibility, Command, Via
from schemas.errands import RefundErrand, RelayErrand
from schemas.ids import make_id
from schemas.topics import Topics
from streams.lanes.settings import LaneSettings


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sandbox's keys, made once."""
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def urls(keys: Path) -> Iterator[dict[str, str]]:
    """Both gateways, delays shortened to a hundredth."""
    with sandbox(keys, "--delay-scale", "0.01") as found:
        yield found


@pytest.fixture
async def courier_world(
    settings: Settings, hub_topics: Topics, urls: dict[str, str], keys: Path
) -> AsyncIterator[CourierWorld]:
    """Topics, gateways, and settings that name them."""
    assert hub_topics
    async with world_of(with_gateways(settings, urls, keys), urls) as world:
        yield world


@asynccontextmanager
async def at_work(settings: Settings) -> AsyncIterator[Courier]:
    """A courier in this process, drained at the end."""
    courier = Courier(settings, SystemClock())
    task = asyncio.create_task(courier.run())
    try:
        yield courier
    finally:
        courier.stop()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_every_debit_moves_once_and_its_result_names_it(courier_world: CourierWorld):
    """Both channels, many persons: one result for each errand, with order, amount and status; the money moved."""
    debits = [debit(person(n), 1, 1000 + n, "unionpay" if n % 2 else "alipay") for n in range(40)]
    await courier_world.send(*debits)
    async with at_work(courier_world.settings):
        results = await courier_world.results(40)
    moved = await courier_world.moved_fen("alipay") + await courier_world.moved_fen("unionpay")
    assert {r.errand_id for r in results} == {d.id for d in debits}
    assert {d.order_no: moved[d.order_no] for d in debits} == {d.order_no: d.amount_fen for d in debits}
    assert {(r.channel, r.status) for r in results} == {("alipay", "paid"), ("unionpay", "waiting")}
    assert all(c.account == c.body.order_no[:26] and c.interface == "courier" for c in courier_world.commands)


async def test_behind_the_markers_of_the_last_transactions_no_errand_is_left(courier_world: CourierWorld):
    """Lanes write in transactions: committed or aborted, nothing of them shows as lag once the courier has come by."""
    settings = courier_world.settings
    lane = LaneSettings(settings.kafka, settings.topics, settings.group("streams")).producer(0)
    await lane.start()
    for number, committed in ((60, True), (61, False)):
        made = msgspec.json.encode(debit(person(number), 1, 2000))
        await lane.begin_transaction()
        await lane.send_and_wait(settings.topics.errands.name, made, partition=number % 2)
        await (lane.commit_transaction() if committed else lane.abort_transaction())
    await lane.stop()
    async with at_work(settings), asyncio.timeout(60):
        for group in (settings.group("courier"), settings.group("relay")):
            while any(  # noqa: ASYNC110 - a group has no event
                each.lag for each in await group_lag(settings.kafka, group, settings.topics.errands)
            ):
                await asyncio.sleep(0.1)
    await courier_world.read()
    assert [result.order_no[:26] for result in courier_world.gateway_results] == [person(60)]


async def test_a_query_tells_what_became_of_an_order(courier_world: CourierWorld):
    """UnionPay's acceptance is no payment: the query of the same account comes after it and says paid."""
    first = debit(person(100), 1, 2000, "unionpay")
    await courier_world.send(first, query(first))
    async with at_work(courier_world.settings):
        results = await courier_world.results(2)
    assert [(r.operation, r.status) for r in results] == [("debit", "waiting"), ("query", "paid")]


async def test_a_redelivered_errand_is_the_same_call_and_the_same_word(courier_world: CourierWorld):
    """The gateway moves nothing twice, and an equal answer to the same errand has an equal command id."""
    errand = debit(person(200), 1, 3000)
    await courier_world.send(errand, errand, query(errand), query(errand))
    async with at_work(courier_world.settings):
        results = await courier_world.results(4)
    assert (await courier_world.moved_fen("alipay"))[errand.order_no] == 3000
    queries = [command.id for command in courier_world.commands if command.body.operation == "query"]
    assert len(set(queries)) == 1
    assert [r.order_no for r in results] == [errand.order_no] * 4


async def test_an_expired_debit_is_not_called_and_nothing_is_said_of_its_number(courier_world: CourierWorld):
    """Past `not_after` the answer is unknown, same number: an earlier courier may have called."""
    errand = debit(person(300), 1, 4000, not_after_wall_at=wall() - 1)
    await courier_world.send(errand)
    async with at_work(courier_world.settings):
        (result,) = await courier_world.results(1)
    assert (result.status, result.cause, result.gateway_code) == ("unknown", "not_executed_same_number", "EXPIRED")
    assert errand.order_no not in await courier_world.orders("alipay")


async def test_a_gateway_that_does_not_answer_opens_the_breaker(courier_world: CourierWorld):
    """Five calls go unanswered, the rest is held back; every errand has its result, none says failed."""
    gateways = courier_world.settings.gateways
    dead = gateways.model_copy(
        update={"alipay": gateways.alipay.model_copy(update={"endpoint": "http://127.0.0.1:9/gateway.do"})}
    )
    errands = [debit(person(400), n, 5000) for n in range(1, 9)] + [debit(person(401), 1, 5000, "unionpay")]
    await courier_world.send(*errands)
    async with at_work(courier_world.settings.model_copy(update={"gateways": dead})):
        results = await courier_world.results(9)
    codes = [r.gateway_code for r in results if r.channel == "alipay"]
    assert codes == ["NO_ANSWER"] * 5 + ["BREAKER_OPEN"] * 3
    assert {r.status for r in results if r.channel == "alipay"} == {"unknown"}
    assert [r.status for r in results if r.channel == "unionpay"] == ["waiting"]


async def test_a_channel_without_a_gateway_is_answered(courier_world: CourierWorld):
    """An errand for a channel nobody configured does not stop the others behind it."""
    await courier_world.send(debit(person(500), 1, 100, "bank"), debit(person(500), 2, 1000))
    async with at_work(courier_world.settings):
        results = await courier_world.results(2)
    assert (results[0].gateway_code, results[0].status) == ("CHANNEL_NOT_CONFIGURED", "unknown")
    assert results[1].status == "paid"


async def test_an_answer_that_cannot_be_believed_is_kept_sealed(courier_world: CourierWorld):
    """A badly signed answer: the result is unknown, the bytes are a dead letter that opens; a query finds the truth."""
    errand = debit(person(600), 1, 119)
    await courier_world.send(errand, query(errand))
    async with at_work(courier_world.settings):
        results = await courier_world.results(2)
        async with asyncio.timeout(60):
            while not courier_world.letters:
                await courier_world.read()
    assert [r.status for r in results] == ["unknown", "paid"]
    (letter,) = courier_world.letters
    assert (letter.interface, letter.account, letter.reason) == ("pay", errand.account, "SIGN_INVALID")
    sealer = Sealer(open_provider(courier_world.settings))
    raw = sealer.open(letter.interface, letter.receipt_key, letter.raw_sealed)
    assert errand.order_no.encode() in raw
    assert len(raw) == letter.raw_length


async def test_a_code_that_is_not_in_our_table_raises_the_alarm(courier_world: CourierWorld, tmp_path: Path):
    """Protocols 5.1: unknown, counted, and the signed answer kept as a dead letter that names the code."""
    errand = debit(person(650), 1, 810)
    refusal = {"code": "40004", "sub_code": "ACQ.NEVER_HEARD_OF", "out_trade_no": errand.order_no}
    (tmp_path / "gateway.pem").write_bytes(public_pem("alipay"))
    gateways = courier_world.settings.gateways
    counter = COURIER_UNLISTED_CODES.labels("alipay")
    before = counter._value.get()
    async with serving([response(answer("alipay.trade.pay", refusal))]) as url:
        alipay = gateways.alipay.model_copy(update={"endpoint": url, "public_key_file": tmp_path / "gateway.pem"})
        changed = {"gateways": gateways.model_copy(update={"alipay": alipay})}
        await courier_world.send(errand)
        async with at_work(courier_world.settings.model_copy(update=changed)):
            (result,) = await courier_world.results(1)
    async with asyncio.timeout(60):
        while not courier_world.letters:
            await courier_world.read()
    assert (result.status, result.gateway_code) == ("unknown", "NEVER_HEARD_OF")
    (letter,) = courier_world.letters
    assert (letter.interface, letter.reason, letter.account) == ("pay", "CODE_UNLISTED", errand.account)
    assert "NEVER_HEARD_OF" in letter.detail
    assert counter._value.get() == before + 1


async def test_an_answer_lost_after_the_debit_is_unknown_and_then_found_paid(courier_world: CourierWorld):
    """The connection is cut after the money moved: unknown, never failed; the query says paid."""
    errands = [debit(person(700), 1, 110), debit(person(701), 1, 110, "unionpay")]
    for errand in errands:
        await courier_world.send(errand, query(errand))
    async with at_work(courier_world.settings):
        results = await courier_world.results(4)
    assert [r.status for r in results if r.operation == "debit"] == ["unknown", "unknown"]
    assert [r.status for r in results if r.operation == "query"] == ["paid", "paid"]


async def test_a_refund_goes_back_once_however_often_it_is_asked(courier_world: CourierWorld):
    """A refund, its repeat, and the question about it."""
    errand = debit(person(800), 1, 6000)
    await courier_world.send(errand)
    async with at_work(courier_world.settings):
        (paid,) = await courier_world.results(1)
        number = make_id(errand.account, "R", 1)
        refund = RefundErrand("r-1", errand.account, "alipay", errand.order_no, paid.trade_no, number, 2500, wall())
        question = msgspec.structs.replace(refund, id="r-2", query=True)
        await courier_world.send(refund, refund, question)
        results = await courier_world.results(4)
    assert [r.operation for r in results[1:]] == ["refund", "refund", "refund_query"]
    assert results[3].status == "refunded"
    moves = (await courier_world.orders("alipay"))[errand.order_no]["movements"]
    assert [(move["kind"], move["amount_fen"]) for move in moves] == [("debit", 6000), ("refund", 2500)]


def relay(sender: str, receiver: str, seq: int) -> RelayErrand:
    """Return a relay as a lane writes it: a whole command with its own id."""
    command = Command(
        f"relay-{sender}-{seq}", receiver, 1, 2, "HIS@XMZSH", "relay", f"h{seq}",
        CheckEligibility("XMZSH", "outpatient", seq), via=Via(0, sender, seq, (sender,)),
    )  # fmt: skip
    return RelayErrand(f"x-{sender}-{seq}", sender, command)


async def test_relays_keep_their_order_and_never_wait_behind_a_call(courier_world: CourierWorld):
    """While every gateway call hangs, all relays arrive; those of one account in order, changed in nothing."""
    hanging = [debit(person(900 + n), 1, 2000 + n) for n in range(40)]
    sender, receiver = person(950), person(951)
    relays = [relay(sender, receiver, seq) for seq in range(1, 101)]
    stretched = courier_world.settings.model_copy(update={"chaos_stretch": {"courier_before_call": 10_000}})
    await courier_world.send(*hanging, *relays)
    async with at_work(stretched):
        async with asyncio.timeout(60):
            while sum(c.interface == "relay" for c in courier_world.commands) < 100:
                await courier_world.read()
        assert courier_world.gateway_results == []
        await courier_world.results(40)
    arrived = [command for command in courier_world.commands if command.interface == "relay"]
    assert arrived == [errand.command for errand in relays]


async def test_couriers_that_come_and_go_lose_no_errand_and_move_nothing_twice(courier_world: CourierWorld):
    """Members join and leave while errands arrive: each errand has at least one result, each order moved once."""
    debits = [debit(person(1000 + n), 1, 7000 + n) for n in range(300)]
    async with at_work(courier_world.settings):
        sending = asyncio.create_task(courier_world.send(*debits))
        for _ in range(3):
            async with at_work(courier_world.settings):
                await asyncio.sleep(1.0)
        await sending
        async with asyncio.timeout(90):
            while {r.errand_id for r in courier_world.gateway_results} != {d.id for d in debits}:
                await courier_world.read()
    moved = await courier_world.moved_fen("alipay")
    assert {d.order_no: moved[d.order_no] for d in debits} == {d.order_no: d.amount_fen for d in debits}

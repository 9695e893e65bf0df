"""The courier as a process: killed between a gateway's success and the result, frozen before a call, told to stop."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from courier_world import CourierWorld, courier_process, debit, person, sandbox, with_gateways, world_of

from hub.runtime.bus import create_topics
from hub.runtime.settings import Settings, read_settings
from infra.kafka import EmbeddedKafka
from infra.processes import wait_until
from schemas.topics import Topics

NEW_NUMBER_EACH_TIME = """
import msgspec, os
from adapters.alipay.client import AlipayClient
honest = AlipayClient.debit
async def with_new_number(self, errand):
    number = errand.order_no[:27] + f"{os.getpid() % 100000:05d}"
    return await honest(self, msgspec.structs.replace(errand, order_no=number))
AlipayClient.debit = with_new_number
"""
"""Planted fault: a redelivered debit goes out under an order number of its own."""

BLIND_WHEN_WOKEN = """
from streams.courier import calls
from streams.courier.lease import Lease
async def believes_it_is_ours(self, partition, tenure):
    return True
Lease.holds = believes_it_is_ours
calls.has_expired = lambda errand, wall: False
"""
"""Planted fault: neither ownership nor `not_after` is checked before a call."""


@pytest.fixture
async def courier_world(settings: Settings, hub_topics: Topics, tmp_path: Path) -> AsyncIterator[CourierWorld]:
    """Topics and gateways of the test's own, so that their books count this test's calls only."""
    assert hub_topics
    with sandbox(tmp_path / "keys", "--delay-scale", "0.01") as urls:
        async with world_of(with_gateways(settings, urls, tmp_path / "keys"), urls) as world:
            yield world


async def inside(log: Path, section: str) -> None:
    """Wait until the log says that the section was entered."""
    assert await asyncio.to_thread(wait_until, lambda: section in log.read_text(), seconds=30)


async def debited_fen(world: CourierWorld) -> Counter[str]:
    """Return what each account really paid, by the gateway's own book."""
    paid: Counter[str] = Counter()
    for number, amount in (await world.moved_fen("alipay")).items():
        paid[number[:26]] += amount
    return paid


async def killed_between_success_and_result(world: CourierWorld, log: Path, planted: str = "") -> None:
    """Kill the courier after the gateway moved the money, and let a second one finish."""
    await world.send(debit(person(1), 1, 2500))
    with courier_process(world.settings, log, {"courier_after_call": 60_000}, planted) as process:
        await inside(log, "courier_after_call")
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert world.gateway_results == []
    with courier_process(world.settings, log, planted=planted):
        await world.results(1)


async def test_a_kill_between_success_and_result_debits_once(courier_world: CourierWorld, tmp_path: Path):
    """The errand comes again, the same call with the same number: the money moved once, and the result says paid."""
    await killed_between_success_and_result(courier_world, tmp_path / "log")
    assert await debited_fen(courier_world) == {person(1): 2500}
    assert courier_world.gateway_results[-1].order_no == debit(person(1), 1, 0).order_no
    assert courier_world.gateway_results[-1].status in ("paid", "unknown")


async def test_a_new_number_on_an_unknown_result_is_caught(courier_world: CourierWorld, tmp_path: Path):
    """Planted fault: with a number of its own the repeated call debits twice, and the gateway's book shows it."""
    await killed_between_success_and_result(courier_world, tmp_path / "log", NEW_NUMBER_EACH_TIME)
    assert await debited_fen(courier_world) == {person(1): 5000}


async def calls_after_waking(world: CourierWorld, tmp_path: Path, planted: str = "") -> int:
    """Freeze a courier right before its call until another one did it; return how often the debit was called."""
    frozen_log, log = tmp_path / "frozen", tmp_path / "log"
    errand = debit(person(2), 1, 2600)
    with courier_process(world.settings, frozen_log, {"courier_before_call": 1500}, planted) as frozen:
        await world.send(errand)
        await inside(frozen_log, "courier_before_call")
        frozen.send_signal(signal.SIGSTOP)
        with courier_process(world.settings, log):
            await world.results(1)
            await asyncio.sleep(1)  # its offset is committed: what is called now is called too late
            frozen.send_signal(signal.SIGCONT)
            await asyncio.sleep(6)
            assert frozen.poll() is None
    return await world.debit_calls("alipay", errand.order_no)


async def test_a_courier_woken_after_its_time_does_not_call(courier_world: CourierWorld, tmp_path: Path):
    """Stopped past its session, it finds its partition gone and leaves the errand to whoever has it now."""
    assert await calls_after_waking(courier_world, tmp_path) == 1


async def test_a_late_call_of_a_woken_courier_is_caught(courier_world: CourierWorld, tmp_path: Path):
    """Planted fault: without the checks the woken courier calls again, and the gateway's book shows it."""
    assert await calls_after_waking(courier_world, tmp_path, BLIND_WHEN_WOKEN) == 2


async def test_a_courier_told_to_stop_finishes_its_call(courier_world: CourierWorld, tmp_path: Path):
    """SIGTERM inside a call: the result becomes durable, the exit status is 0, nothing is called again."""
    log = tmp_path / "log"
    errand = debit(person(3), 1, 2700)
    await courier_world.send(errand)
    with courier_process(courier_world.settings, log, {"courier_after_call": 1500}) as process:
        await inside(log, "courier_after_call")
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 15) == 0
    (result,) = await courier_world.results(1)
    assert result.status == "paid"
    with courier_process(courier_world.settings, log):
        await courier_world.send(debit(person(4), 1, 2800))
        await courier_world.results(2)
    assert await courier_world.debit_calls("alipay", errand.order_no) == 1


async def test_a_broker_killed_before_the_result_is_durable_costs_no_result(own_kafka: EmbeddedKafka, tmp_path: Path):
    """The gateway moved the money, then the broker went: the result is kept, or the same call made again."""
    bootstrap = await asyncio.to_thread(own_kafka.start, tmp_path / "kafka")
    settings = read_settings(profile="demo", kafka={"bootstrap": bootstrap, "partitions": 2}, run_dir=tmp_path)
    await create_topics(settings.kafka, settings.topics)
    log, keys = tmp_path / "log", tmp_path / "keys"
    with sandbox(keys, "--delay-scale", "0.01") as urls:
        async with world_of(with_gateways(settings, urls, keys), urls) as world:
            errand = debit(person(5), 1, 2900)
            await world.send(errand)
            with courier_process(world.settings, log, {"courier_after_call": 1500}) as first:
                await inside(log, "courier_after_call")
                await asyncio.to_thread(own_kafka.restart, kill=True)
                await asyncio.to_thread(wait_until, lambda: first.poll() is not None, seconds=5)
                with courier_process(world.settings, log):
                    results = await world.results(1, seconds=60)
            assert results[-1].order_no == errand.order_no
            assert await debited_fen(world) == {person(5): 2900}


def test_a_missing_key_file_is_a_person_s_matter(settings: Settings, tmp_path: Path):
    """Restarting cannot help: exit 78, and the log names the setting."""
    alipay = settings.gateways.alipay.model_copy(update={"endpoint": "http://127.0.0.1:9/gateway.do"})
    wrong = settings.model_copy(update={"gateways": settings.gateways.model_copy(update={"alipay": alipay})})
    with courier_process(wrong, tmp_path / "log") as process:
        assert process.wait(60) == 78
    assert "MEDCREDIT_GATEWAYS__ALIPAY__PRIVATE_KEY_FILE" in (tmp_path / "log").read_text()

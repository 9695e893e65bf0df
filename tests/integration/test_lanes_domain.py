"""The lanes with the hub's own rules on a real broker: a charge becomes a bill and is debited once, 72 hours later."""

import asyncio
import random
from typing import Any

import msgspec
from domain_world import DAY, HOUR, PLATFORM, XIAMEN, A, charge, line, result, score, signing
from lanes_world import Worker, World, person, until

from schemas.commands import Body, Command, DepositPrepayment, RecordRepayment, RecordVisit
from schemas.dead_letters import DeadLetter
from schemas.errands import DebitErrand, Errand
from schemas.events import BillIssued, ChargePosted, DebitPaid, DebitStarted, RepaymentApplied
from schemas.ids import sm3_hex
from schemas.ledger import LedgerRecord, TimerSource
from streams.lanes.domain_rules import DomainRules
from streams.verify import verify

RULES = DomainRules(XIAMEN)
PLATFORM_SCORE = 700


class City:
    """Persons of the lanes' world, spoken to in the domain's words."""

    def __init__(self, world: World) -> None:
        self.world = world

    def command(self, who: int, body: Body, interface: str = "mllp", **fields: Any) -> Command:
        """A command as the edge would write it, accepted now."""
        made = self.world.command(who, partition=who % 4, **fields)
        content = sm3_hex(msgspec.json.encode(body))
        return msgspec.structs.replace(made, body=body, interface=interface, content_hash=content)

    async def say(self, who: int, *bodies: Body, interface: str = "mllp") -> None:
        """Send commands of one person, who lives in the partition `who` modulo four."""
        await self.world.send(*[self.command(who, body, interface) for body in bodies])

    async def enrol(self, who: int) -> None:
        """Score and agreement under the platform's pack, which debits at +72 h."""
        now = self.world.clock.city()
        await self.say(who, score(XIAMEN, PLATFORM_SCORE, at=now), interface="score")
        await self.say(who, signing(PLATFORM, "alipay", "ICBC", at=now), interface="api")

    async def visit(self, who: int, visit: str, fen: int) -> None:
        """One charge and the discharge."""
        now = self.world.clock.city()
        await self.say(who, charge(line(f"{visit}-1", fen), visit=visit, at=now))
        await self.say(who, RecordVisit(A, visit, "discharged", now))

    async def errands(self) -> list[Errand]:
        """Every errand so far."""
        records = await self.world.read(self.world.lanes.topics.errands.name)
        return [msgspec.json.decode(record.value, type=Errand) for record in records]

    async def answer(self, errand: Errand, status: str) -> None:
        """What the courier would bring back."""
        body = result(errand, status, self.world.clock.wall())
        made = self.world.command(0, interface="courier")
        content = sm3_hex(msgspec.json.encode(body))
        made = msgspec.structs.replace(made, account=errand.account, body=body, content_hash=content)
        await self.world.send(made)

    async def events(self, kind: type) -> list[Any]:
        """Every event of a kind, in ledger order."""
        return [event for record in await self.world.ledger() for event in record.events if isinstance(event, kind)]


async def decided(world: World, worker: Worker) -> None:
    """Wait until every command is decided."""
    sent = len(await world.read(world.lanes.topics.commands.name))

    def position() -> int:
        books = [lane.book for lane in worker.processor.lanes.values()]
        return sum(book.watermark.next_offset for book in books if book is not None)

    await until(lambda: worker.stopped.done() or position() == sent)
    assert not worker.stopped.done(), worker.stopped.result()


async def whole(world: World) -> dict[str, Any]:
    """Every invariant holds, the fold included."""
    document = (await verify(world.settings.kafka, world.lanes.topics, RULES, deep=True)).document()
    assert document["ok"], [check for check in document["checks"] if check["faulty"]]
    return document


async def test_a_charge_becomes_a_bill_and_is_debited_once_72_hours_later_across_restarts(world: World):
    """A new worker for each step: the bill's timer is restored, fires once at +72 h, the result pays the bill."""
    city = City(world)
    await city.enrol(1)
    await city.visit(1, "V1", 12_300)
    first = await Worker(world, rules=RULES).start()
    await decided(world, first)
    await first.stop()
    [bill] = await city.events(BillIssued)
    assert bill.debit_at == bill.closed_at + 72 * HOUR
    world.clock.advance(72 * HOUR - 1)
    second = await Worker(world, rules=RULES).start()
    await asyncio.sleep(0.7)
    assert await city.errands() == []
    world.clock.advance(1)
    await until(lambda: second.processor.timers_total == 1)
    await second.stop()
    [errand] = await city.errands()
    assert isinstance(errand, DebitErrand)
    assert (errand.bill, errand.amount_fen) == (bill.bill, 12_300)
    await city.answer(errand, "paid")
    await city.answer(errand, "paid")
    third = await Worker(world, rules=RULES).start()
    await decided(world, third)
    world.clock.advance(10 * DAY)
    await asyncio.sleep(0.7)
    await third.stop()
    assert len(await city.events(DebitPaid)) == 1
    assert len(await city.errands()) == 1
    assert [r.outcome for r in await world.ledger()][-1] in ("RESULT_REPEATED", "TIMER")
    await whole(world)


async def test_a_repayment_that_waited_in_the_log_prevents_the_debit(world: World):
    """The lanes are down over the due instant; the repayment is the last of many commands in the log."""
    city = City(world)
    await city.enrol(1)
    await city.visit(1, "V1", 9_900)
    first = await Worker(world, rules=RULES).start()
    await decided(world, first)
    await first.stop()
    for number in range(100):
        world.clock.advance(HOUR)
        await city.say(5, DepositPrepayment(A, world.clock.city(), 100 + number), interface="api")
    await city.say(1, RecordRepayment(world.clock.city(), 9_900), interface="api")
    second = await Worker(world, rules=RULES).start()
    await decided(world, second)
    await asyncio.sleep(1)
    await second.stop()
    assert await city.events(DebitStarted) == []
    assert [each.amount_fen for each in await city.events(RepaymentApplied)] == [9_900]
    await whole(world)


async def test_a_credit_that_found_no_charge_for_a_day_becomes_a_dead_letter(world: World):
    """The timer that gives a parked credit up writes the letter a person must see; it names the message."""
    city = City(world)
    await city.enrol(1)
    await city.say(1, charge(line("C1", 500, "credit", reverses="F-NEVER"), visit="V1", at=world.clock.city()))
    worker = await Worker(world, rules=RULES).start()
    await decided(world, worker)
    parked = (await world.ledger())[-1]
    assert parked.outcome == "HELD"
    world.clock.advance(24 * HOUR)
    await until(lambda: worker.processor.dead_letters_total == 1)
    await worker.stop()
    letters = [
        msgspec.json.decode(record.value, type=DeadLetter)
        for record in await world.read(world.lanes.topics.dead_letters.name)
    ]
    assert [(each.interface, each.reason) for each in letters] == [("quarantine.charge", "CREDIT_UNMATCHED")]
    assert letters[0].command_id == parked.command_id
    await whole(world)


async def test_a_stay_of_five_thousand_lines_fits_and_is_restored(world: World):
    """Ten messages of 500 lines in one visit: all posted, each state below the limit, exact after a restart."""
    city = City(world)
    now = world.clock.city()
    for message in range(10):
        lines = [line(f"F{message}-{number}", 100 + number) for number in range(500)]
        await city.say(0, charge(*lines, visit="STAY", scene="inpatient", at=now))
    worker = await Worker(world, rules=RULES).start()
    await decided(world, worker)
    await worker.stop()
    total = 10 * sum(100 + number for number in range(500))
    assert sum(event.total_fen for event in await city.events(ChargePosted)) == total
    again = await Worker(world, rules=RULES).start()
    state = again.processor.lanes[0].book.accounts.state(person(0).encode())
    assert sum(len(encounter.lines) for encounter in state.encounters.values()) == 5000
    assert max(len(RULES.encode_encounter(encounter)) for encounter in state.encounters.values()) < 1_500_000
    await again.stop()
    await whole(world)


async def test_a_city_under_kills_folds_to_its_state(world: World):
    """Forty persons, visits, repayments, repeats, results, time passing, three kills: every invariant holds."""
    chance, city = random.Random(7), City(world)
    for who in range(40):
        await city.enrol(who)
    for round_ in range(4):
        worker = await Worker(world, rules=RULES, chaos_stretch={"lane_after_send_before_offset": 150}).start()
        for who in chance.sample(range(40), 25):
            await city.visit(who, f"V{round_}", chance.randrange(1_000, 60_000))
            if chance.random() < 0.3:
                await city.say(who, RecordRepayment(world.clock.city(), chance.randrange(100, 5_000)), interface="api")
        repeated = [city.command(chance.randrange(40), DepositPrepayment(A, world.clock.city(), 500), "api")] * 3
        await world.send(*repeated)
        world.clock.advance(chance.randrange(20, 50) * HOUR)
        await asyncio.sleep(chance.uniform(0.3, 1.0))
        if round_ < 3:
            await worker.crash()
    await decided(world, worker)
    await until(lambda: not any(lane.backlog for lane in worker.processor.lanes.values()))
    for errand in await city.errands():
        await city.answer(errand, chance.choice(["paid", "paid", "failed", "unknown"]))
    await decided(world, worker)
    world.clock.advance(30 * DAY)
    await asyncio.sleep(2)
    await worker.stop()
    document = await whole(world)
    ledger: list[LedgerRecord] = await world.ledger()
    assert document["ledger_records"] == len(ledger)
    assert sum(r.outcome == "DUPLICATE" for r in ledger) == 8
    assert sum(isinstance(r.source, TimerSource) for r in ledger) > 20
    fired = [(r.account, r.source) for r in ledger if isinstance(r.source, TimerSource)]
    assert len(fired) == len(set(fired)), "a timer fired twice"

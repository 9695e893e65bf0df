"""A minor's charge on a parent's line through real lanes and the relay loop; a crash between steps changes nothing."""

import asyncio
import contextlib
from typing import Any

import msgspec
from domain_world import PLATFORM, XIAMEN, A, charge, line, score, signing
from lanes_world import Worker, World, person, until
from test_lanes_domain import City, whole

from hub.runtime import bus
from schemas.commands import (
    AnswerFamilyLink,
    Body,
    IdentifyPatient,
    RecordVisit,
    ReplyTo,
    RequestFamilyLink,
    Subject,
)
from schemas.events import BillIssued, ChargePosted, FamilyCreditPosted, FamilyHoldPlaced, FamilyLinkRequested
from streams.courier.relays import RelayWorker
from streams.lanes.domain_rules import DomainRules

CHILD, PARENT = person(1, 1), person(2, 2)
RULES = DomainRules(XIAMEN)


class Family(City):
    """The city, its commands keyed as relays are: by account alone."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.settings = world.settings
        self.topics = world.lanes.topics

    async def tell(self, account: str, *bodies: Body, **fields: Any) -> None:
        """Put commands where a relay to the same account goes."""
        producer = bus.durable_producer(self.settings.kafka, "family-test")
        await producer.start()
        try:
            for body in bodies:
                made = self.command(1, body, "api", account=account, **fields)
                value = msgspec.json.encode(made)
                await producer.send_and_wait(self.topics.commands.name, value, key=account.encode())
        finally:
            await producer.stop()

    @contextlib.asynccontextmanager
    async def relaying(self, group: str) -> Any:
        """Run the courier's relay loop under a group; another group repeats every relay from the first."""
        consumer = bus.committed_consumer(self.settings.kafka, group, group=f"{self.settings.topic_prefix}.{group}")
        producer = bus.durable_producer(self.settings.kafka, f"{group}-relay")
        await asyncio.gather(consumer.start(), producer.start())
        worker = RelayWorker(consumer, producer, self.topics.errands.name, self.topics.commands.name)
        running = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            worker.stop()
            await running
            await asyncio.gather(consumer.stop(), producer.stop())

    async def until_event(self, kind: type, count: int = 1) -> list[Any]:
        """Wait for events."""
        for _ in range(300):
            found = await self.events(kind)
            if len(found) >= count:
                return found
            await asyncio.sleep(0.3)
        raise TimeoutError(kind.__name__)


async def test_a_minors_charge_is_held_posted_and_billed_across_accounts_and_repeated_relays(world: World):
    """Link, hold, post, bill: each once, though a second relay loop sends every step again."""
    family = Family(world)
    now = world.clock.city()
    worker = await Worker(world, rules=RULES).start()
    await family.tell(CHILD, IdentifyPatient(A, now, Subject(person=CHILD, birth_on="2018-05-05")))
    await family.tell(
        PARENT,
        IdentifyPatient(A, now, Subject(person=PARENT, birth_on="1988-05-05")),
        score(XIAMEN, 700, at=now),
        signing(PLATFORM, "alipay", "ICBC", at=now, subject=Subject(person=PARENT)),
    )
    async with family.relaying("relay-1"):
        await family.tell(CHILD, RequestFamilyLink(now, "minor", "dependent", PARENT, "F-1"))
        [asked] = await family.until_event(FamilyLinkRequested)
        await until(lambda: not worker.stopped.done())
        await asyncio.sleep(2)
        await family.tell(PARENT, AnswerFamilyLink(now, asked.link, accept=True, consent_version="F-1"))
        await asyncio.sleep(2)
        await family.tell(CHILD, charge(line("F1", 12_300), at=now), reply=ReplyTo(0, "t1"))
        [posted] = await family.until_event(FamilyCreditPosted)
        await family.tell(CHILD, RecordVisit(A, "V1", "discharged", now))
        [bill] = await family.until_event(BillIssued)
    async with family.relaying("relay-2"):
        await asyncio.sleep(4)
    await worker.stop()
    [charged] = await family.events(ChargePosted)
    assert (charged.allocation.credit_fen, charged.payer, posted.amount_fen) == (12_300, PARENT, 12_300)
    assert (bill.amount_fen, bill.agreement[:26]) == (12_300, PARENT)
    assert len(await family.events(FamilyHoldPlaced)) == 1
    outcomes = [record.outcome for record in await world.ledger()]
    assert outcomes.count("RELAY_REPEATED") >= 6
    await whole(world)

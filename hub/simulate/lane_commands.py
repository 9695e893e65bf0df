"""Commands as the edge writes them, for measuring the account lanes alone: openings of persons, then their charges."""

import asyncio
import time
from collections.abc import Sequence

import msgspec

from hub.policies import Policies
from hub.runtime.bus import durable_producer
from hub.runtime.settings import Settings
from schemas.commands import (
    Body,
    ChargeLine,
    Command,
    DepositPrepayment,
    Item,
    ObserveScore,
    PostCharge,
    SignAgreement,
)
from schemas.ids import account_id, sm3_hex

_CITY_KEY = b"m" * 32
_SEALED = "v1.raw-1." + "s" * 2000
"""As long as the envelope of a message of five lines."""
_DAY = 86_400_000
_INSTITUTION = "XMZSH"
_VISIT_CHARGES = 4
_TOGETHER = 2000


class CommandSource:
    """Makes commands of so many persons, accepted at one city instant; each command has its own id."""

    def __init__(self, policies: Policies, persons: int, at: int) -> None:
        self._policies = policies
        self._at = at
        self._number = 0
        self.accounts = [account_id(_CITY_KEY, "person", str(number)) for number in range(persons)]

    def command(self, account: str, body: Body) -> Command:
        """Return one command with ids of its own."""
        self._number += 1
        name = f"bench-{self._number}"
        return Command(
            id=name,
            account=account,
            accepted_at=self._at,
            accepted_wall_at=time.time_ns() // 1_000_000,
            source="HIS@BENCH",
            interface="mllp",
            content_hash=sm3_hex(name.encode()),
            body=body,
            profile="HIS@BENCH/1",
            sealed=_SEALED,
            receipt_key=f"HIS@BENCH|{name}",
        )

    def deposits(self) -> list[Command]:
        """Return a prepayment of every person: the least by which an account exists."""
        return [self.command(account, DepositPrepayment(_INSTITUTION, self._at, 10_000)) for account in self.accounts]

    def openings(self) -> list[Command]:
        """Return agreement, score and prepayment of every person: what a full decision needs."""
        agreed = [self.command(account, self._agreement(account)) for account in self.accounts]
        scored = [self.command(account, self._score(account)) for account in self.accounts]
        return agreed + scored + self.deposits()

    def charges(self, count: int, lines: int) -> list[Command]:
        """Return charges in turn over the persons, four to a visit, of so many lines each."""
        first = self._number
        return [self._charge(number, lines) for number in range(first, first + count)]

    def _charge(self, number: int, lines: int) -> Command:
        turn, person = divmod(number, len(self.accounts))
        booked = tuple(
            ChargeLine(f"L{number}-{row}", "charge", 1234 + row, Item(f"X{row:05}", "NHSA", "药品"), self._at)
            for row in range(lines)
        )
        visit = f"V{turn // _VISIT_CHARGES}"
        return self.command(self.accounts[person], PostCharge(_INSTITUTION, visit, "outpatient", self._at, booked))

    def _agreement(self, account: str) -> SignAgreement:
        until = self._at + 365 * _DAY
        number = f"A{account[:8]}"
        return SignAgreement(self._at, "xiamen-city-2023", "icbc", "alipay", number, ("egret",), "1", until)

    def _score(self, account: str) -> ObserveScore:
        return ObserveScore(
            provider="egret",
            band=self._policies.band("egret", 700),
            cut_points_hash=self._policies.cut_points_hash("egret"),
            message_id=f"m{account}",
            computed_at=self._at,
            valid_until=self._at + 90 * _DAY,
            sequence=1,
            authorisation=f"a{account[:6]}",
            authorisation_from=self._at - _DAY,
            authorisation_until=self._at + 365 * _DAY,
            authorisation_scopes=("medical_credit",),
        )


async def fill(settings: Settings, commands: Sequence[Command]) -> float:
    """Make commands durable as fast as this process can; return how many a second that was."""
    producer = durable_producer(settings.kafka, "bench")
    await producer.start()
    topic, encoder, started = settings.topics.commands.name, msgspec.json.Encoder(), time.perf_counter()
    try:
        for begin in range(0, len(commands), _TOGETHER):
            sent = [
                await producer.send(topic, encoder.encode(each), key=each.account.encode())
                for each in commands[begin : begin + _TOGETHER]
            ]
            await asyncio.gather(*sent)
    finally:
        await producer.stop()
    return len(commands) / (time.perf_counter() - started)

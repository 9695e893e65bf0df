"""The clerk on a real Kafka and PostgreSQL: days close once, whoever closes them, and survive a kill."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

from clerk_world import B, clerk, clerk_process, days
from lanes_world import World, until

from hub.clearing.day_books import close_text
from hub.clearing.settlement_file import BatchWord, Collection, Confirmation, confirmation_file
from hub.runtime.guomi import KeyRing, SoftwareProvider
from hub.runtime.settings import Settings
from infra.processes import wait_until
from schemas.city_time import city_date
from schemas.events import AdvanceConfirmed, AdvanceOpened, BankCollected, DayClosed
from streams.clerk.closing import AFTER_CLOSE_BEFORE_ANNOUNCING


async def events(world: World, kind: type) -> list:
    """Return every event of a kind, in ledger order."""
    return [event for record in await world.ledger() for event in record.events if isinstance(event, kind)]


async def test_two_clerks_close_each_day_once_and_the_batches_are_the_days_credit(
    world: World, settings: Settings, database: str, tmp_path: Path
):
    """A partition that nothing reaches learns midnight by a tick; both clerks' commands are one; the root is signed."""
    async with days(world, settings, database, tmp_path) as city:
        first = city.today
        await city.enrol(1)
        await city.treat(1, 40_000, "V1")
        await city.treat(1, 10_000, "V2", B)
        await city.give_back(1, 5_000, "V1")
        city.midnight()
        async with clerk(city.settings), clerk(city.settings):
            await city.until_closed(first)
            second = city.today
            await city.give_back(1, 35_000, "V1", "3")
            city.midnight()
            await city.until_closed(second)
        assert [e.day for e in await events(world, DayClosed)] == [first.isoformat(), second.isoformat()]
        opened = {(e.day, e.institution): (e.amount_fen, e.carry_fen) for e in await events(world, AdvanceOpened)}
        assert opened == {
            (first.isoformat(), "XMZSH"): (35_000, 0),
            (first.isoformat(), B): (10_000, 0),
            (second.isoformat(), "XMZSH"): (0, -35_000),
        }
        [row] = await city.rows("SELECT * FROM clearing.day_closes WHERE day = $1", first)
        text = close_text(first.isoformat(), row["root"], (row["records"], 50_000, 5_000, 0))
        provider = SoftwareProvider(KeyRing.load(city.settings.sm.ring_file))
        assert provider.sm2_verify(row["key_id"], text, bytes.fromhex(row["signature"]), fmt="rs")
        person_rows = await city.rows(
            "SELECT credit_fen, returned_fen FROM clearing.daily_credit WHERE scope = 'person' AND day = $1", first
        )
        assert person_rows == [{"credit_fen": 50_000, "returned_fen": 5_000}]
        file = await city.ask("SELECT file FROM clearing.batches WHERE day = $1 AND institution = 'XMZSH'", first)
        assert [len(each) for each in file.splitlines()] == [75, 67, 67, 123]


async def test_a_clerk_killed_between_its_tables_and_its_commands_loses_and_doubles_nothing(
    world: World, settings: Settings, database: str, tmp_path: Path
):
    """Kill -9 inside the section; its successor announces the very day that was kept."""
    async with days(world, settings, database, tmp_path) as city:
        first = city.today
        await city.enrol(1)
        await city.treat(1, 40_000, "V1")
        city.midnight()
        log = tmp_path / "clerk.log"
        stretch = json.dumps({AFTER_CLOSE_BEFORE_ANNOUNCING: 30_000})
        with clerk_process(city.settings, log, stretch) as process:
            entered = lambda: "section_entered" in log.read_text()  # noqa: E731
            assert await asyncio.to_thread(wait_until, entered, seconds=40), log.read_text()
            process.kill()
        assert await city.ask("SELECT NOT announced FROM clearing.day_closes WHERE day = $1", first)
        root = await city.ask("SELECT root FROM clearing.day_closes WHERE day = $1", first)
        assert await events(world, DayClosed) == []
        async with clerk(city.settings):
            await city.until_closed(first)
        [closed] = await events(world, DayClosed)
        assert closed.root == root
        assert [e.amount_fen for e in await events(world, AdvanceOpened)] == [40_000]


async def test_a_clerk_that_was_away_closes_every_day_that_is_over_after_one_round_of_ticks(
    world: World, settings: Settings, database: str, tmp_path: Path
):
    """Twenty days pass without a clerk: each partition is asked once, and each day is closed in its order."""
    async with days(world, settings, database, tmp_path) as city:
        first = city.today
        await city.enrol(1)
        city.pass_hours(20 * 24)
        last = city.today - timedelta(days=1)
        async with clerk(city.settings):
            await city.until_closed(last)
        closed = [e.day for e in await events(world, DayClosed)]
        assert closed == [(first + timedelta(days=n)).isoformat() for n in range(20)]
        ticks = "SELECT count(*) FROM ledger WHERE record->>'interface' = 'clerk' AND record->'events' IS NULL"
        assert 4 <= await city.ask(ticks) <= 8


async def test_a_banks_confirmation_is_booked_and_compared_with_our_batches(
    world: World, settings: Settings, database: str, tmp_path: Path
):
    """The file comes by the inbox at nine: the batch is confirmed, what the bank collected for a bill is paid.

    A row for a bill that is nobody's is booked nowhere and is the one difference.
    """
    async with days(world, settings, database, tmp_path) as city:
        first = city.today
        await city.enrol(4)
        await city.treat(4, 40_000, "V1")
        city.midnight()
        async with clerk(city.settings):
            await city.until_closed(first)
            await city.close(4, "V1")
            await until(lambda: city.ask("SELECT count(*) = 1 FROM bills"), seconds=20)
            bill = await city.ask("SELECT bill FROM bills")
            batch = await city.ask("SELECT batch FROM clearing.batches WHERE day = $1", first)
            word = BatchWord(batch, paid=True, amount_fen=40_000, serial="S1")
            text = confirmation_file(
                Confirmation("ICBC", first.isoformat(), (word,), collected(bill, world.clock.city()))
            )
            (tmp_path / "inbox" / f"bank-ICBC-{first.isoformat()}.txt").write_text(text)
            his = f"明细号,类型,金额（元）,时间\nV1-1,收费,400.01,{first.isoformat()} 09:00:00\n#合计,1,400.01\n"
            (tmp_path / "inbox" / f"his-XMZSH-{first.isoformat()}.csv").write_text(his, "utf-8")
            city.pass_hours(10)
            found = "SELECT count(*) = 2 FROM clearing.reconciliations WHERE day = $1"
            await until(lambda: city.ask(found, first), seconds=40)
            await until(lambda: confirmed(world), seconds=20)
            await until(lambda: city.ask("SELECT paid_fen = 25000 FROM bills"), seconds=20)
        assert city_date(world.clock.city()) != first
        rows = await city.rows("SELECT theirs, ours_fen, theirs_fen, differences FROM clearing.reconciliations")
        by_book = {row["theirs"]: row for row in rows}
        assert (by_book["bank:ICBC"]["ours_fen"], by_book["bank:ICBC"]["theirs_fen"]) == (40_000, 40_700)
        [[stranger]] = json.loads(by_book["bank:ICBC"]["differences"])
        assert (stranger["cause"], stranger["key"], stranger["theirs_fen"]) == ("MISSING_HERE", "nobodys", 700)
        [paid] = await events(world, BankCollected)
        assert (paid.bill, paid.amount_fen, paid.serial) == (bill, 25_000, "S2")
        [[difference]] = json.loads(by_book["HIS@XMZSH"]["differences"])
        assert (difference["cause"], difference["key"], difference["difference_fen"]) == ("AMOUNT_DIFFERS", "V1-1", -1)


def collected(bill: str, at: int) -> tuple[Collection, ...]:
    """Return a bank's rows of what it debited its customers for: one bill of ours, and one that is nobody's."""
    return Collection(bill, 25_000, 0, at, "S2"), Collection("nobodys", 700, 0, at, "S3")


async def confirmed(world: World) -> bool:
    """Whether the ledger holds the bank's word."""
    return bool(await events(world, AdvanceConfirmed))

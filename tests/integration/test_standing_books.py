"""A person's standing as PostgreSQL keeps it and the read API answers it: projected from the domain's own records."""

from collections.abc import AsyncIterator

import asyncpg
import msgspec
import pytest
from domain_world import DAY, PERSON, World
from standing_world import CITED, overdue, overdue_and_paid, owe, person

from hub.policies.clauses import Bank, Repayment
from hub.runtime.database import EVERYTHING, Scope, connect, session_settings
from hub.runtime.migrations import migrate
from hub.web.books import standing as reading_standing
from hub.web.books.bills import bill as read_bill
from hub.web.books.reading import Slice, cursor_of, reading
from hub.web.problems import RefusedError
from schemas.commands import (
    ApplyRelief,
    ApproveRelief,
    ConfirmProposal,
    ProposeListing,
    RecordBankCollection,
    WaiveFees,
)
from schemas.ids import account_id
from streams.projection.books import Advance, Books, Place, Position
from streams.projection.rows import add_ledger_record, new_rows

PLACE = Place("ledger", 0)


async def project(dsn: str, world: World, begin: int = 0) -> int:
    """Write the records of a world from a position on, as the projector does; return where it stands."""
    rows = new_rows()
    for position, record in enumerate(world.ledger[begin:], begin):
        add_ledger_record(rows, 0, position, msgspec.json.encode(record))
    books = Books(dsn)
    await books.positions({PLACE: begin})
    await books.write([Advance(PLACE, begin, Position(len(world.ledger), ""))], rows)
    await books.close()
    return len(world.ledger)


@pytest.fixture
async def books(database: str) -> AsyncIterator[tuple[str, asyncpg.Pool]]:
    """Migrated books and a pool of readers."""
    await migrate(database)

    settings = session_settings("reader", EVERYTHING)
    async with asyncpg.create_pool(database, min_size=1, max_size=2, server_settings=settings) as pool:
        yield database, pool


def late_at_the_bank() -> World:
    """Return a person whose bank has charged fees for 17 days and collected a fen of them."""
    bank = Bank(free_days=42, penalty_bp=300, interest_bp=150, citation=CITED)
    world = person(bank=bank, repayment=Repayment("due_date", 42, 23, CITED), debit=None)
    bill = owe(world, 90_000)
    world.move(city=60 * DAY)
    world.send(RecordBankCollection(world.city, bill, 0, 1, "B1"), interface="clerk")
    return world


async def test_a_bill_is_read_back_with_its_fee(books: tuple[str, asyncpg.Pool]):
    """What the bank charges stands beside the bill, and what of it was paid; a waiver takes it off."""
    dsn, pool = books
    world = late_at_the_bank()
    done = await project(dsn, world)
    fee = world.state.core.clearing.fees[world.bill.id].accrued_fen
    async with reading(pool) as connection:
        answer = await read_bill(connection, world.bill.id)
    assert (answer.fee_fen, answer.fee_paid_fen, answer.open_fen) == (fee, 1, 90_000)
    world.send(WaiveFees(world.city, world.bill.id, "clerk-1", "goodwill"), interface="api")
    await project(dsn, world, done)
    async with reading(pool) as connection:
        answer = await read_bill(connection, world.bill.id)
    assert (answer.fee_fen, answer.fee_paid_fen) == (1, 1)


def troubled() -> World:
    """Return a person with an overdue bill, a black-list entry and two relief cases, one of them paid."""
    world = person(200_000)
    overdue_and_paid(world)
    world.send(ProposeListing("white", "clerk-1", "veteran", world.city, world.city + 90 * DAY), interface="api")
    world.send(ConfirmProposal(world.reply.result["proposal"], "clerk-2", world.city), interface="api")
    world.send(ProposeListing("black", "clerk-1", "fraud", world.city, world.city + DAY), interface="api")
    first = owe(world, 5_000, "R1")
    world.send(ApplyRelief(first, "civil_affairs", "desk-1", "hardship", world.city), interface="api")
    world.send(ApproveRelief(world.reply.result["case"], "desk-2", world.city), interface="api")
    world.move(city=1)
    second = owe(world, 6_000, "R2")
    world.send(ApplyRelief(second, "fiscal", "desk-1", "hardship", world.city, 1_000), interface="api")
    return world


async def test_a_persons_standing_is_read_back_from_the_books(books: tuple[str, asyncpg.Pool]):
    """Counters, lists, entitlements, proposals, relief cases and notices, as the ledger says them."""
    dsn, pool = books
    world = troubled()
    await project(dsn, world)
    async with reading(pool) as connection:
        shown = await reading_standing.standing(connection, PERSON)
        assert (shown.overdue_total, shown.overdue_in_row, shown.blacklisted) == (1, 1, False)
        assert [(each.colour, each.confirmed_by) for each in shown.lists] == [("white", "clerk-2")]
        assert shown.deposit_waived
        proposals = await reading_standing.approvals(connection, PERSON, Slice())
        assert {(p.subject, p.state, p.ended_by) for p in proposals.items} == {
            ("white", "confirmed", "clerk-2"),
            ("black", "open", ""),
        }
        assert await reading_standing.approval(connection, proposals.items[0].proposal) == proposals.items[0]
        cases = await reading_standing.relief_cases(connection, PERSON, Slice())
        assert [(c.kind, c.state, c.asked_fen, c.paid_fen) for c in cases.items] == [
            ("fiscal", "open", 1_000, 0),
            ("civil_affairs", "paid", 5_000, 5_000),
        ]
        assert await reading_standing.relief_case(connection, cases.items[1].case) == cases.items[1]
        told = await reading_standing.notices(connection, PERSON, Slice())
        assert [n.kind for n in told.items[::-1]] == ["reminder", "reminder", "overdue"]
        listed = await reading_standing.listed(connection, Slice())
        assert [each.account for each in listed.items] == [PERSON]


async def test_pages_of_notices_go_on_at_their_cursor(books: tuple[str, asyncpg.Pool]):
    """Every notice once, newest first."""
    dsn, pool = books
    world = person(200_000)
    overdue(world)
    world.move(city=5 * DAY)
    await project(dsn, world)
    seen: list[str] = []
    asked = Slice(limit=2)
    async with reading(pool) as connection:
        while True:
            page = await reading_standing.notices(connection, PERSON, asked)
            seen += [each.kind for each in page.items]
            if page.next is None:
                break
            asked = Slice(limit=2, after=cursor_of(page.next))
    assert sorted(seen) == ["overdue", "reminder", "reminder", "reminder", "reminder"]


async def test_a_record_projected_late_changes_nothing_newer(books: tuple[str, asyncpg.Pool]):
    """Only a higher sequence of the account replaces the row."""
    dsn, pool = books
    world = person(200_000)
    overdue(world)
    at = await project(dsn, world)
    world.move(city=2 * DAY)
    await project(dsn, world, at)
    async with reading(pool) as connection:
        assert (await reading_standing.standing(connection, PERSON)).cut_percent == 20


async def test_a_person_without_any_record_has_a_fresh_standing_and_nobody_has_none(books: tuple[str, asyncpg.Pool]):
    """Zeroes for a known account, NOT_FOUND for an unknown one."""
    dsn, pool = books
    world = World()
    world.enrol(50_000)
    await project(dsn, world)
    async with reading(pool) as connection:
        shown = await reading_standing.standing(connection, PERSON)
        assert (shown.overdue_total, shown.lists, shown.entitlements) == (0, (), ())
        with pytest.raises(RefusedError):
            await reading_standing.standing(connection, account_id(bytes(32), "person", "nobody"))


async def test_an_institution_reads_only_its_own_patients_standing(books: tuple[str, asyncpg.Pool]):
    """Row level security: a hospital without a charge of the person sees neither standing nor cases."""
    dsn, _ = books
    await project(dsn, troubled())
    for institution, rows in (("XMZSH", 1), ("XMDYY", 0)):
        reader = await connect(dsn, "reader", scope=Scope(institution))
        assert await reader.fetchval("SELECT count(*) FROM standing") == rows
        assert bool(await reader.fetchval("SELECT count(*) FROM notices")) is bool(rows)
        await reader.close()

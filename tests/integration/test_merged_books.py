"""Things that merges took from account to account, as the books keep them: the same rows whatever came when."""

from collections.abc import Iterable, Sequence
from itertools import chain, permutations, zip_longest
from typing import NamedTuple

import asyncpg
import msgspec
import pytest
from domain_world import A, charge, line, score, signing
from family_world import Town, person_account
from standing_world import city

from hub.runtime.database import connect
from hub.runtime.migrations import create_books, migrate
from schemas.commands import (
    ApplyRelief,
    Body,
    CloseRelief,
    ConfirmProposal,
    MergePatient,
    ProposeListing,
    RecordRepayment,
    RecordVisit,
    Subject,
)
from schemas.ledger import BillView, ChargeView, DebitView, LedgerRecord, ProposalView, ReliefView
from streams.projection.books import Advance, Books, Place, Position
from streams.projection.rebuild import NEXT
from streams.projection.rows import add_ledger_record, new_rows

OLD, NEW, THIRD = (person_account(name) for name in ("old", "new", "third"))
TABLES = {
    "charges": (ChargeView, "charge"),
    "bills": (BillView, "bill"),
    "debits": (DebitView, "order_no"),
    "proposals": (ProposalView, "proposal"),
    "relief_cases": (ReliefView, "case"),
}
STATE = dict.fromkeys(TABLES, "state") | {"charges": "status"}
Words = dict[str, dict[str, tuple[str, int, str]]]


class Arrival(NamedTuple):
    """One record of an account's partition, as it reaches the books."""

    partition: int
    position: int
    record: LedgerRecord


def say(town: Town, account: str, body: Body) -> None:
    """Send a message whose id no account knows, and let everything it caused arrive."""
    town.send(account, body, named=f"message-{len(town.commands)}", interface="api")
    town.settle()


def merge(town: Town, retired: str, survivor: str) -> None:
    """Let one person's account go over into another's."""
    say(town, retired, MergePatient(A, town.city, Subject(person=survivor), Subject(person=retired)))


def treated(town: Town) -> tuple[str, str]:
    """Give the old account a bill under debit, one under relief and two open proposals; return proposals' ids."""
    say(town, OLD, score(town.policies, 250, at=town.city))
    say(town, OLD, signing("example-city-2025", at=town.city, subject=Subject(person=OLD)))
    for visit in ("V1", "V2"):
        say(town, OLD, charge(line(f"F-{visit}", 10_000), visit=visit))
        say(town, OLD, RecordVisit(A, visit, "discharged", town.city))
    bill = town.world(OLD).bill.id
    say(town, OLD, ApplyRelief(bill, "civil_affairs", "desk-1", "hardship", town.city))
    for colour in ("black", "white"):
        say(town, OLD, ProposeListing(colour, "clerk-1", "evidence", town.city, town.city + 10**9))
    town.move(city=72 * 3_600_000)
    return tuple(town.world(OLD).state.core.proposals)  # type: ignore[return-value] # two


def merged_once() -> Town:
    """One merge, after which the survivor's few records stand beside the retired account's many."""
    town = Town(city())
    first, _ = treated(town)
    merge(town, OLD, NEW)
    say(town, NEW, ConfirmProposal(first, "clerk-2", town.city))
    say(town, NEW, RecordRepayment(town.city, 4_000))
    return town


def merged_in_a_chain() -> Town:
    """Old into new, where much happens, into third, where little does: the highest seq is not the last word."""
    town = merged_once()
    for number in range(30):
        say(town, NEW, charge(line(f"N{number}", 10), visit="V9"))
    merge(town, NEW, THIRD)
    (second,) = town.world(THIRD).state.core.proposals
    (case,) = town.world(THIRD).state.core.relief
    say(town, OLD, ConfirmProposal(second, "clerk-2", town.city))
    say(town, OLD, CloseRelief(case, "refused", "desk-2", town.city))
    say(town, THIRD, RecordRepayment(town.city, 1_000))
    return town


def partitions(town: Town) -> list[list[Arrival]]:
    """Return the records of each account, which has a partition of its own."""
    return [
        [Arrival(number, position, record) for position, record in enumerate(town.world(account).ledger)]
        for number, account in enumerate((OLD, NEW, THIRD))
    ]


def batchings(town: Town) -> dict[str, list[list[Arrival]]]:
    """Return every order of the partitions: as one batch each and as one of all; record by record too."""
    found, accounts = {}, [each for each in partitions(town) if each]
    for order in permutations(accounts):
        name = "".join(str(each[0].partition) for each in order)
        found[f"by_partition_{name}"] = list(order)
        found[f"at_once_{name}"] = [list(chain(*order))]
    in_turn = [arrival for turn in zip_longest(*accounts) for arrival in turn if arrival]
    found["in_turn"] = [[arrival] for arrival in in_turn]
    found["last_account_first"] = [[arrival] for each in accounts[::-1] for arrival in each]
    return found


def last_words(town: Town) -> Words:
    """Return by table and key who told of each thing last, at which seq, and its state: accounts took turns."""
    words: Words = {table: {} for table in TABLES}
    for account in (OLD, NEW, THIRD):
        for record in town.world(account).ledger:
            for view in record.after:
                for table, (kind, key) in TABLES.items():
                    if isinstance(view, kind):
                        words[table][getattr(view, key)] = (account, record.seq, getattr(view, STATE[table]))
    return words


async def written(dsn: str, batches: Iterable[Sequence[Arrival]]) -> dict[str, list[asyncpg.Record]]:
    """Write batches into books of their own, as the projector does; return the rows of each table."""
    owner = await connect(dsn, "owner")
    await create_books(owner, NEXT)
    books, reached = Books(dsn, NEXT), dict.fromkeys(range(3), 0)
    await books.positions({Place("ledger", number): 0 for number in reached})
    for batch in batches:
        rows, before = new_rows(), dict(reached)
        for partition, position, record in batch:
            add_ledger_record(rows, partition, position, msgspec.json.encode(record))
            reached[partition] = position + 1
        steps = [
            Advance(Place("ledger", n), before[n], Position(reached[n])) for n in reached if reached[n] > before[n]
        ]
        await books.write(steps, rows)
    found = {
        table: await owner.fetch(f"SELECT * FROM {NEXT}.{table} ORDER BY 1")  # noqa: S608 - our own names
        for table in TABLES
    }
    await books.close()
    await owner.close()
    return found


@pytest.mark.parametrize("tell", [merged_once, merged_in_a_chain])
async def test_what_moved_in_merges_stands_as_the_last_survivor_told_it(database: str, tell):
    """In each order and batching of the partitions: account, seq and state as the causally last record has them."""
    await migrate(database)
    town = tell()
    expected = last_words(town)
    assert all(expected.values())
    reference = None
    for name, batches in batchings(town).items():
        found = await written(database, batches)
        told = {
            table: {row[0]: (row["account"], row["seq"], row[STATE[table]]) for row in rows}
            for table, rows in found.items()
        }
        assert told == expected, name
        reference = reference or found
        assert found == reference, name


async def test_a_chain_of_merges_ends_with_everything_at_the_last_account(database: str):
    """Proposals confirmed and relief refused there are told there, of the generation of two accounts taken in."""
    await migrate(database)
    town = merged_in_a_chain()
    found = await written(database, batchings(town)["last_account_first"])
    assert {(row["account"], row["generation"]) for row in found["bills"]} == {(THIRD, 2)}
    assert sorted((row["account"], row["state"]) for row in found["proposals"]) == sorted(
        [(NEW, "confirmed"), (THIRD, "confirmed")]
    )
    assert [(row["account"], row["state"]) for row in found["relief_cases"]] == [(THIRD, "refused")]

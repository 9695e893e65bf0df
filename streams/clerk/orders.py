"""The commands of the clerk: ids are hash(day, kind, key), so two clerks do no harm (architecture 2)."""

from collections.abc import Iterable
from datetime import date

import msgspec
from msgspec.structs import replace

from hub.runtime.clock import Clock
from hub.runtime.record_partition import partition_of
from schemas.commands import Body, CloseDay, Command, OpenAdvance, RecordAdvanceWord, RecordBankCollection, Tick
from schemas.ids import account_id, account_of, message_hash

SOURCE = "CLERK"


class Orders:
    """Makes the commands; deterministic but for the two instants of acceptance."""

    def __init__(self, city_key: bytes, partitions: int, clock: Clock) -> None:
        """`partitions` is the count of `commands`; one account of the clerk's own is found for each."""
        self._key = city_key
        self._clock = clock
        self.calendar = account_id(city_key, "feed", "clerk|calendar")
        self._ticked = dict(_one_each(city_key, partitions))

    def tick(self, day: date, partition: int, attempt: int) -> Command:
        """Return a tick for a partition; a later attempt is another command, as the clocks of a lane may be behind."""
        body = Tick(day.isoformat())
        return self._command(day.isoformat(), "tick", f"{partition}|{attempt}", self._ticked[partition], body)

    def close(self, body: CloseDay) -> Command:
        """Return the close of a day. Two clerks sign differently and mean the same: the signature is no content."""
        same = replace(body, signature="", key_id="")
        return self._command(body.day, "close", "", self.calendar, body, same)

    def advance(self, body: OpenAdvance) -> Command:
        """Return the opening of a batch, to the account of its pair."""
        return self._command(body.day, "advance", f"{body.institution}|{body.bank}", self.pair(body), body)

    def word(self, day: str, pair: tuple[str, str], body: RecordAdvanceWord) -> Command:
        """Return the bank's word about a batch."""
        account = account_id(self._key, "feed", f"advance|{pair[0]}|{pair[1]}")
        return self._command(day, "word", f"{body.batch}|{body.serial}", account, body)

    def collection(self, bank: str, day: str, body: RecordBankCollection) -> Command | None:
        """Return a bank's collection for its person's account, or None when the bill is none of ours."""
        account = account_of(body.bill)
        key = f"{bank}|{body.serial}"
        return None if account is None else self._command(day, "collection", key, account, body)

    def pair(self, body: OpenAdvance) -> str:
        """Return the account of an institution with a bank."""
        return account_id(self._key, "feed", f"advance|{body.institution}|{body.bank}")

    def _command(self, day: str, kind: str, key: str, account: str, body: Body, content: Body | None = None) -> Command:
        digest = message_hash("clerk", msgspec.json.encode(content or body).decode())
        return Command(
            id=message_hash("clerk", day, kind, key),
            account=account,
            accepted_at=self._clock.city(),
            accepted_wall_at=self._clock.wall(),
            source=SOURCE,
            interface="clerk",
            content_hash=digest,
            body=body,
        )


def advance_id(day: str, institution: str, bank: str) -> str:
    """Return the id of the command that opens the batch of a pair and a day."""
    return message_hash("clerk", day, "advance", f"{institution}|{bank}")


def _one_each(city_key: bytes, partitions: int) -> Iterable[tuple[int, str]]:
    """Yield an account of the clerk's own on each partition: the first of a fixed row of names that falls there."""
    found: set[int] = set()
    number = 0
    while len(found) < partitions:
        account = account_id(city_key, "feed", f"clerk|tick|{number}")
        partition = partition_of(account.encode(), partitions)
        if partition not in found:
            found.add(partition)
            yield partition, account
        number += 1

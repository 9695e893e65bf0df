"""One transaction in the making: decisions on top of a lane's committed book. No input, no output, no waiting.

Nothing of a batch is visible before its transaction is committed and `adopt` is called; an exception leaves it holding
exactly the outcomes before the one that failed.
"""

from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgspec

from hub.domain.decision import Decision, Now, Timer
from hub.domain.state import AccountState
from hub.runtime.guomi import sm3_hex
from hub.runtime.sealing import Sealed
from schemas.commands import Command, ReplyTo
from schemas.dead_letters import SEALED_BYTES_MAX, DeadLetter
from schemas.facts import Fact, Facts
from schemas.ledger import CommandSource, LedgerRecord, TimerSource
from schemas.reasons import Reason
from schemas.replies import Reply
from streams.chain import chained
from streams.lanes import letters
from streams.lanes import watermark as watermarks
from streams.lanes.accounts import LARGE_BYTES, Change, key_of
from streams.lanes.book import UNREADABLE_RUN_MAX, UNREADABLE_WINDOW_MAX, WINDOW, Book
from streams.lanes.faults import InvariantError, UndecidableError
from streams.lanes.legibility import command_of, why_unreadable
from streams.lanes.rules import Rules
from streams.lanes.timers import UNARMED, Due
from streams.lanes.watermark import Watermark

RECORD_BYTES_MAX: Final = 1_500_000
"""A command whose outcome, errand or state is larger than this is refused: one command never stops a partition."""
_TIMER_BYTES_MAX: Final = 1_900_000
"""A timer cannot be refused, so it has the room that is left until the producer's batch is full."""
_GROWTH_BYTES: Final = RECORD_BYTES_MAX - LARGE_BYTES - 100_000
"""An account that is not large may grow by this in one batch before its state is encoded for its exact size."""

_DIMENSIONS = Fact.__struct_fields__[: Fact.__struct_fields__.index("count")]
_MEASURES = Fact.__struct_fields__[len(_DIMENSIONS) :]
_dimensions = attrgetter(*_DIMENSIONS)
_measures = attrgetter(*_MEASURES)
_json = msgspec.json.Encoder()

Seal = Callable[[str, str, bytes], Sealed]
"""Seals bytes that could not be read: interface, receipt key, bytes (`hub.runtime.sealing.Sealer.seal`)."""


def as_base64(_interface: str, _receipt_key: str, raw: bytes) -> Sealed:
    """Return the bytes as base64 text: for a hub without a key ring."""
    return Sealed(b64encode(raw[:SEALED_BYTES_MAX]).decode(), len(raw), sm3_hex(raw))


Outgoing = tuple[bytes, bytes]
"""One record of a transaction: key and value."""


class Encoded(NamedTuple):
    """A decision's outcome and errands as they are written."""

    record: bytes
    errands: tuple[bytes, ...]


@dataclass(slots=True)
class Touched:
    """An account a batch looked at: as committed, as it will be, its due times, the bytes of its outcomes so far."""

    before: AccountState
    after: AccountState
    due: Due
    grown: int = 0


class Batch:
    """Outcomes of commands and timers of one partition, in order; becomes one transaction."""

    def __init__(self, book: Book, rules: Rules, seal: Seal = as_base64) -> None:
        self._book = book
        self._rules = rules
        self._seal = seal
        self._touched: dict[bytes, Touched] = {}
        self._facts: dict[tuple[Any, ...], list[tuple[int, ...]]] = {}
        self._changes: dict[bytes, list[Change]] = {}
        start = book.watermark
        self.now: Now = start.now
        self.next_offset: int = start.next_offset
        self.head: str = start.head
        self._unreadable_run: int = start.unreadable_run
        self.ledger: list[Outgoing] = []
        self.errands: list[Outgoing] = []
        self.dead_letters: list[Outgoing] = []
        self.replies: list[tuple[int, Reply]] = []
        self.bytes: int = 0
        self.commands: int = 0
        self.timers: int = 0
        self.outcomes: Counter[str] = Counter()
        """Outcome code, or the reason code of a refusal, of every command."""
        self.fired: Counter[str] = Counter()
        """Kinds of the timers that fired."""

    @property
    def count(self) -> int:
        """Outcomes so far, dead letters included."""
        return self.commands + self.timers

    # ---- time -------------------------------------------------------------------------------------------------

    def advance(self, instant: Now) -> None:
        """Move the two clocks forward, never back."""
        now = self.now
        if instant.city > now.city or instant.wall > now.wall:
            self.now = Now(max(now.city, instant.city), max(now.wall, instant.wall))

    def fire_next(self) -> bool:
        """Fire the timer that is due first, by (due_at, account, kind); return False when none may fire now.

        A timer that causes an outside call waits until everything that was in the log when it came due is consumed.
        Raises UndecidableError when the decision fails.
        """
        due = self._book.due
        while (entry := due.take(self.now)) is not None:
            armed = self._armed(entry.account)
            if armed[0 if entry.city else 1] > entry.due_at:  # moved since: no state is decoded to find that out
                due.put_back(entry, armed)
                continue
            touched = self._touch(entry.account)
            timer = self._rules.next_timer(touched.after, self.now)
            if timer is None or timer.due_at > entry.due_at:
                due.put_back(entry, touched.due)
                continue
            if timer.outside and timer.due_at > self._caught_up(timer):
                due.wait(entry)
                continue
            self._fire(entry.account, touched, timer)
            due.put_back(entry, touched.due)
            return True
        return False

    def _caught_up(self, timer: Timer) -> int:
        return self._book.caught_up.city if timer.city else self._book.caught_up.wall

    def _fire(self, account: bytes, touched: Touched, timer: Timer) -> None:
        name = f"{account.decode()}:{timer.kind}:{timer.subject}"
        try:
            decision = self._rules.fire(touched.after, timer, self.now)
            set_aside = letters.quarantined(decision, None, f"{name}:{timer.due_at}", self.now)
            encoded = self._fitting(account, touched, decision, _TIMER_BYTES_MAX)
        except Exception as error:
            raise UndecidableError(f"timer {name} due at {timer.due_at} cannot be decided: {error!r}") from error
        if self._rules.next_timer(decision.state, self.now) == timer:
            raise UndecidableError(f"timer {timer.kind} of {account.decode()} is still due after it fired")
        if encoded is None:
            raise UndecidableError(f"the outcome of timer {timer.kind} of {account.decode()} is larger than a record")
        self._enter(account, touched, decision, encoded)
        for letter in set_aside:
            self._post(letter)
        self.timers += 1
        self.fired[timer.kind] += 1

    # ---- commands ---------------------------------------------------------------------------------------------

    def read(self, key: bytes | None, value: bytes | None) -> Command | None:
        """Return the command of a record, or None when it cannot be one of this partition.

        It is undecodable, its key is not its account, or its account lives elsewhere: decided here as well, one person
        would have two states and two credit lines.
        """
        command = command_of(key, value)
        if command is None or key is None or key in self._touched or not self._book.is_foreign(key):
            return command
        return None

    def decide(self, command: Command, offset: int) -> None:
        """Enter the one outcome of a command; timers due before it must have been fired.

        Raises UndecidableError when the decision fails.
        """
        account = command.account.encode()
        touched = self._touch(account)
        try:
            decision, encoded = self._outcome(account, touched, command, offset)
            set_aside = (
                letters.quarantined(decision, command, f"{self._book.partition}@{offset}", self.now)
                if decision.quarantine
                else []
            )
            reply = None if command.reply is None else self._reply(decision, command, command.reply)
        except Exception as error:
            raise UndecidableError(f"command {command.id} at offset {offset} cannot be decided: {error!r}") from error
        self._enter(account, touched, decision, encoded)
        record = decision.record
        self.outcomes[record.reason if record.outcome == "REFUSED" else record.outcome] += 1
        for letter in set_aside:
            self._post(letter)
        if reply is not None:
            self.replies.append(reply)
        self._consumed(offset, unreadable=False)

    def _outcome(self, account: bytes, touched: Touched, command: Command, offset: int) -> tuple[Decision, Encoded]:
        """Return the decision with its bytes; a refusal, where the decision is too large for a record."""
        decision = self._rules.decide(touched.after, command, offset, self.now)
        encoded = self._fitting(account, touched, decision)
        if encoded is None:
            decision = self._rules.refuse(touched.after, command, offset, self.now, Reason.OUTCOME_TOO_LARGE)
            encoded = _encoded(decision)
        return decision, encoded

    def bury(self, key: bytes | None, value: bytes | None, offset: int) -> None:
        """Make a dead letter of a record that is no command; it gets no ledger record.

        Raises InvariantError beyond 100 in a row, or 10 % of the last 10,000; UndecidableError when it cannot be
        sealed.
        """
        if self._unreadable_run >= UNREADABLE_RUN_MAX or self._book.readability.exhausted:
            raise InvariantError(
                f"more than {UNREADABLE_RUN_MAX} commands in a row, or {UNREADABLE_WINDOW_MAX} of the last {WINDOW}, "
                f"cannot be decoded, the last at offset {offset}: find who writes them; dead-letters hold their bytes"
            )
        place = f"{self._book.partition}@{offset}"
        try:
            sealed = self._seal("commands", place, value or b"")
        except Exception as error:
            raise UndecidableError(f"the record at offset {offset} cannot be sealed: {error!r}") from error
        self._post(letters.unreadable(why_unreadable(key, value), place, sealed, self.now))
        self._consumed(offset, unreadable=True)

    def park(self, command: Command, offset: int) -> None:
        """Set a command aside undecided: a dead letter with its bytes and a ledger record PARKED."""
        account = command.account.encode()
        touched = self._touch(account)
        decision = self._parked(touched.after, command, offset)
        self._enter(account, touched, decision, _encoded(decision))
        self._post(letters.parked(command.account, command, f"{self._book.partition}@{offset}", self.now))
        self._consumed(offset, unreadable=False)

    def park_timer(self, account: bytes, timer: Timer) -> None:
        """Set a timer aside unfired: a ledger record PARKED disarms it. Raises InvariantError if it does not."""
        touched = self._touch(account)
        record = LedgerRecord(
            account=account.decode(),
            seq=touched.after.core.seq + 1,
            source=TimerSource(kind=timer.kind, due_at=timer.due_at, subject=timer.subject),
            now=self.now.city,
            wall_now=self.now.wall,
            outcome="PARKED",
        )
        after = self._rules.evolve(touched.after, record)
        if self._rules.next_timer(after, self.now) == timer:
            raise InvariantError(f"parking does not disarm a timer {timer.kind}: its rule must be corrected")
        decision = Decision(record=record, state=after)
        self._enter(account, touched, decision, _encoded(decision))
        place = f"{account.decode()}:{timer.kind}:{timer.subject}:{timer.due_at}"
        self._post(letters.parked(account.decode(), None, place, self.now))
        self.timers += 1

    # ---- what it comes to -------------------------------------------------------------------------------------

    def state(self, account: bytes) -> AccountState:
        """Return the account's state after the outcomes so far."""
        touched = self._touched.get(account)
        return self._book.accounts.state(account) if touched is None else touched.after

    def facts(self) -> list[bytes]:
        """Return the encoded sums of the transaction: one record, none when nothing happened that is counted.

        Several, where one would be too large: senders name the departments, and each line may have another.
        """
        merged = tuple(
            Fact(*dimensions, *map(sum, zip(*rows, strict=True))) for dimensions, rows in self._facts.items()
        )
        return self._fact_records(merged) if merged else []

    def _fact_records(self, facts: tuple[Fact, ...]) -> list[bytes]:
        value = _json.encode(Facts(self._book.partition, self.now.city, self.now.wall, facts))
        if len(value) <= RECORD_BYTES_MAX or len(facts) == 1:
            return [value]
        half = len(facts) // 2
        return [*self._fact_records(facts[:half]), *self._fact_records(facts[half:])]

    def watermark(self) -> Watermark:
        """Return the partition's watermark after this batch."""
        return Watermark(self.next_offset, self.now.city, self.now.wall, self.head, self._unreadable_run)

    def account_records(self) -> list[tuple[bytes, bytes | None]]:
        """Return every changed key with its new value, None for an archived encounter, the watermark last."""
        records: list[tuple[bytes, bytes | None]] = []
        for account, touched in self._touched.items():
            if touched.after is touched.before:
                continue
            changes = self._changes[account] = self._book.accounts.changes(touched.before, touched.after)
            for encounter, value in changes:
                records.append((key_of(account, encounter), value))
        records.append((watermarks.KEY, watermarks.encode(self.watermark())))
        return records

    def adopt(self) -> None:
        """Make the batch the lane's memory: called once, after its transaction is committed."""
        for account, changes in self._changes.items():
            self._book.accounts.adopt(account, self._touched[account].after, changes)
        self._book.watermark = self.watermark()

    # ---- one outcome ------------------------------------------------------------------------------------------

    def _armed(self, account: bytes) -> Due:
        """Return when the account's next timers are due, without decoding its state."""
        touched = self._touched.get(account)
        if touched is not None:
            return touched.due
        core = self._book.accounts.core_bytes(account)
        return UNARMED if core is None else self._rules.due_from_bytes(core)

    def _touch(self, account: bytes) -> Touched:
        """Return what the batch knows of an account, from the book when it is asked for the first time."""
        touched = self._touched.get(account)
        if touched is None:
            state = self._book.accounts.state(account)
            touched = self._touched[account] = Touched(state, state, self._armed(account))
        return touched

    def _enter(self, account: bytes, touched: Touched, decision: Decision, encoded: Encoded) -> None:
        value, self.head = chained(self.head, account, encoded.record)
        self.ledger.append((account, value))
        self.bytes += len(value)
        for errand in encoded.errands:
            self.errands.append((account, errand))
            self.bytes += len(errand)
        for fact in decision.facts:
            self._facts.setdefault(_dimensions(fact), []).append(_measures(fact))
        if decision.state is not touched.after:
            due = self._rules.next_due(decision.state)
            if due != touched.due:
                self._book.due.arm(account, touched.due, due)
            touched.after, touched.due, touched.grown = decision.state, due, touched.grown + len(encoded.record)

    def _fitting(
        self, account: bytes, touched: Touched, decision: Decision, limit: int = RECORD_BYTES_MAX
    ) -> Encoded | None:
        """Return the encoded outcome, or None when it, an errand or the state is larger than the limit."""
        encoded = _encoded(decision)
        if len(encoded.record) > limit or any(len(each) > limit for each in encoded.errands):
            return None
        accounts = self._book.accounts
        if touched.grown + len(encoded.record) < _GROWTH_BYTES and not accounts.is_large(account):
            return encoded
        changes = accounts.changes(touched.before, decision.state)
        return None if any(len(value or b"") > limit for _, value in changes) else encoded

    def _parked(self, state: AccountState, command: Command, offset: int) -> Decision:
        record = LedgerRecord(
            account=command.account,
            seq=state.core.seq + 1,
            source=CommandSource(offset=offset),
            now=self.now.city,
            wall_now=self.now.wall,
            outcome="PARKED",
            command_id=command.id,
            content_hash=command.content_hash,
            interface=command.interface,
            sender=command.source,
            reinjects=command.reinjects,
            via=command.via,
        )
        return Decision(record=record, state=self._rules.evolve(state, record))

    def _post(self, letter: DeadLetter) -> None:
        value = _json.encode(letter)
        self.dead_letters.append((letter.interface.encode(), value))
        self.bytes += len(value)

    def _reply(self, decision: Decision, command: Command, to: ReplyTo) -> tuple[int, Reply] | None:
        reply = self._rules.reply_for(decision, command, self.now)
        return None if reply is None else (to.partition, msgspec.structs.replace(reply, ticket=to.ticket))

    def _consumed(self, offset: int, *, unreadable: bool) -> None:
        self._book.readability.note(unreadable=unreadable)
        self._unreadable_run = self._unreadable_run + 1 if unreadable else 0
        self.next_offset = offset + 1
        self.commands += 1


def _encoded(decision: Decision) -> Encoded:
    return Encoded(_json.encode(decision.record), tuple([_json.encode(errand) for errand in decision.errands]))

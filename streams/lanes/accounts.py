"""The committed states of one lane's accounts. Idle ones stay bytes; the few in use are kept decoded beside them."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from hub.domain.state import AccountState
from streams.lanes.rules import Rules

_SEPARATOR: Final = b"/"
DECODED_MAX: Final = 1000
"""Decoded states kept in each lane, those used last: a patient's messages come in bursts.

One of two open visits with eight charges takes 21 kB, its bytes 3.4 kB: at most 21 MB a lane."""
LARGE_BYTES: Final = 1_000_000
"""A record of this size makes its account large: how much it may still grow is looked at closely."""


Change = tuple[str, bytes | None]
"""An encounter of one account, empty for its core, and its new bytes; None where the encounter was archived."""


def key_of(account: bytes, encounter: str) -> bytes:
    """Return the key of a record of the compacted topic: the account, or account/encounter."""
    return account + _SEPARATOR + encounter.encode() if encounter else account


class Accounts:
    """Account → core bytes and encounter bytes, as the last commit left them."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._cores: dict[bytes, bytes] = {}
        self._encounters: dict[bytes, dict[str, bytes]] = {}
        self._decoded: OrderedDict[bytes, AccountState] = OrderedDict()
        """Committed states in use: only `adopt` puts one in, so none can be from an aborted transaction."""
        self._large: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._cores)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._cores)

    def load(self, key: bytes, value: bytes | None) -> None:
        """Take in one record of the compacted topic; the last one of a key stays."""
        account, _, encounter = key.partition(_SEPARATOR)
        self._decoded.pop(account, None)
        if encounter:
            self._keep_encounter(account, encounter.decode(), value)
        elif value is None:
            self._cores.pop(account, None)
        else:
            self._keep_core(account, value)

    def core_bytes(self, account: bytes) -> bytes | None:
        """Return the encoded core, or None for an account nothing has been heard of."""
        return self._cores.get(account)

    def state(self, account: bytes) -> AccountState:
        """Return the committed state; that of an unknown account is new."""
        kept = self._decoded.get(account)
        if kept is not None:
            self._decoded.move_to_end(account)
            return kept
        core = self._cores.get(account)
        if core is None:
            return self._rules.new_state(account.decode())
        encounters = {
            name: self._rules.decode_encounter(value) for name, value in self._encounters.get(account, {}).items()
        }
        return AccountState(self._rules.decode_core(core), encounters)

    def is_large(self, account: bytes) -> bool:
        """Return whether a record of the account ever had a megabyte in this lane."""
        return account in self._large

    def changes(self, before: AccountState, after: AccountState) -> list[Change]:
        """Return every part of an account whose object changed: nothing else is written."""
        changes: list[Change] = []
        if after.core is not before.core:
            changes.append(("", self._rules.encode_core(after.core)))
        were, are = before.encounters, after.encounters
        if are is were:
            return changes
        for name, encounter in are.items():
            if were.get(name) is not encounter:
                changes.append((name, self._rules.encode_encounter(encounter)))
        if not were.keys() <= are.keys():
            changes.extend((name, None) for name in were if name not in are)
        return changes

    def adopt(self, account: bytes, state: AccountState, changes: list[Change]) -> None:
        """Make a committed state the one in memory."""
        for encounter, value in changes:
            if encounter:
                self._keep_encounter(account, encounter, value)
            elif value is not None:
                self._keep_core(account, value)
        self._decoded[account] = state
        self._decoded.move_to_end(account)
        if len(self._decoded) > DECODED_MAX:
            self._decoded.popitem(last=False)

    def _keep_core(self, account: bytes, value: bytes) -> None:
        self._cores[account] = value
        if len(value) > LARGE_BYTES:
            self._large.add(account)

    def _keep_encounter(self, account: bytes, name: str, value: bytes | None) -> None:
        if value is not None:
            if len(value) > LARGE_BYTES:
                self._large.add(account)
            self._encounters.setdefault(account, {})[name] = value
            return
        kept = self._encounters.get(account, {})
        kept.pop(name, None)
        if not kept:
            self._encounters.pop(account, None)

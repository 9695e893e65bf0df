"""Which record wrote a thing's row last: by it the books tell the newer of two rows, whichever comes first."""

from typing import Any, Final

from schemas.ledger import LedgerRecord

STAMP: Final = ("account", "seq", "at", "generation")
"""Columns of everything that a merge takes to another account."""


def stamp(record: LedgerRecord) -> tuple[Any, ...]:
    """Return the values of `STAMP`; no generation, as for most accounts, is NULL."""
    return record.account, record.seq, record.now, record.generation or None

"""Comparisons as they are kept: the smallest sets, each difference with its cause."""

import msgspec

from hub.clearing.matching import Comparison
from schemas.commands import Instant, Struct


class DifferenceRow(Struct, frozen=True, omit_defaults=False):
    """One entry on which two books differ; `difference_fen` is ours minus theirs."""

    cause: str
    kind: str
    key: str
    ours_fen: int
    theirs_fen: int
    difference_fen: int
    at: Instant
    trade_no: str


def differences_json(comparison: Comparison) -> str:
    """Return the sets as JSON: a list of lists."""
    sets = [
        [
            DifferenceRow(d.cause, d.kind, d.key, d.ours_fen, d.theirs_fen, d.difference_fen, d.at, d.trade_no)
            for d in each
        ]
        for each in comparison.sets
    ]
    return msgspec.json.encode(sets).decode()

"""What the `policy` verbs answer under --json."""

from schemas.commands import Struct


class PackSummary(Struct, frozen=True, omit_defaults=False):
    """A pack in one line; `valid_to` is null while no end is known, `institutions` empty for every institution."""

    id: str
    title: str
    valid_from: str
    valid_to: str | None
    institutions: tuple[str, ...]
    scenes: tuple[str, ...]
    funding: str
    clauses: int
    hash: str


class PackList(Struct, frozen=True, omit_defaults=False):
    """`policy list`: every pack the hub knows, oldest first."""

    packs: tuple[PackSummary, ...]


class ClauseLine(Struct, frozen=True, omit_defaults=False):
    """One clause: its place in the file, what it amounts to, the rule in words, source key and paragraph."""

    clause: str
    figures: str
    rule: str
    source: str


class PackShown(Struct, frozen=True, omit_defaults=False):
    """`policy show`: one pack, clause by clause."""

    pack: PackSummary
    clauses: tuple[ClauseLine, ...]


class LintFault(Struct, frozen=True, omit_defaults=False):
    """What a pack cannot mean, where, and what to do."""

    file: str
    clause: str
    code: str
    text: str
    do: str


class LintedPacks(Struct, frozen=True, omit_defaults=False):
    """`policy lint`; `ok` is false when there is a fault."""

    ok: bool
    files: tuple[str, ...]
    faults: tuple[LintFault, ...]


class DiffLine(Struct, frozen=True, omit_defaults=False):
    """One kind of clause that the two packs have differently; an empty list: the pack has no such clause."""

    clause: str
    a: tuple[str, ...]
    b: tuple[str, ...]


class PacksDiffer(Struct, frozen=True, omit_defaults=False):
    """`policy diff`: only what differs, clause by clause."""

    a: str
    b: str
    differences: tuple[DiffLine, ...]


class PartLine(Struct, frozen=True, omit_defaults=False):
    """One part of all splits, under both packs, in fen."""

    part: str
    a_fen: int
    b_fen: int
    difference_fen: int


class ReasonLine(Struct, frozen=True, omit_defaults=False):
    """How often credit gave less than was asked, or an input was refused, for one reason."""

    reason: str
    a: int
    b: int


class WhatIfAnswer(Struct, frozen=True, omit_defaults=False):
    """`policy whatif`: what the window's recorded commands would have moved under `b` instead of `a`."""

    a: str
    b: str
    begin: int
    end: int
    inputs: int
    undecodable: int
    charged_fen: int
    parts: tuple[PartLine, ...]
    reasons: tuple[ReasonLine, ...]
    persons: int
    """Persons with a line under either pack."""
    raised: int
    lowered: int
    unaccounted_fen: int
    seconds: float

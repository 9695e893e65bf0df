"""What the API answers about closed days, batches, comparisons and reports; types as in `hub.web.answers`."""

from schemas.commands import Instant, Struct


class DayCloseAnswer(Struct, frozen=True, omit_defaults=False):
    """A closed city day: control totals, and the Merkle root over all partitions, signed with SM2."""

    day: str
    root: str
    records: int
    credit_fen: int
    returned_fen: int
    repaid_fen: int
    key_id: str
    signature: str
    """r ‖ s in hex over `medcredit-day-close-1|day|root|records|credit|returned|repaid`."""
    closed_at: Instant
    announced: bool
    """True once the close stands in the ledger's own log."""


class ProofStep(Struct, frozen=True):
    """The hash beside ours, and on which side it stands."""

    side: str
    hash: str


class RecordProofAnswer(Struct, frozen=True):
    """That a ledger record stands in a closed day: RFC 6962 with SM3, over `hash` as its 64 digits."""

    day: str
    root: str
    partition: int
    hash: str
    in_partition: tuple[ProofStep, ...]
    partition_content: str
    """The partition's leaf: `partition|records|head|root of its records`."""
    in_day: tuple[ProofStep, ...]


class BatchSummary(Struct, frozen=True, omit_defaults=False):
    """What one bank owes one institution for a day: `amount_fen` = credit − returned + carried, never below 0."""

    batch: str
    day: str
    institution: str
    bank: str
    state: str
    items: int
    credit_fen: int
    returned_fen: int
    carried_fen: int
    amount_fen: int
    carry_fen: int
    items_sm3: str
    serial: str


class BatchAnswer(BatchSummary, frozen=True, omit_defaults=False):
    """A batch with its settlement file; empty until the ledger has opened it."""

    file: str


class Cause(Struct, frozen=True):
    """Why two books differ, and what to do, in both languages."""

    code: str
    en: str
    zh: str
    do_en: str
    do_zh: str


class DifferenceAnswer(Struct, frozen=True, omit_defaults=False):
    """One entry on which two books differ; `difference_fen` is ours minus theirs."""

    cause: Cause
    kind: str
    key: str
    ours_fen: int
    theirs_fen: int
    difference_fen: int
    at: Instant
    trade_no: str


class ComparisonAnswer(Struct, frozen=True, omit_defaults=False):
    """Two books of a day. `sets` are the smallest explanations: one that is empty when nothing differs.

    `proven`: no smaller set explains it. `unique`: no other set of its size does. `final`: the next day's file was
    looked at too.
    """

    theirs: str
    institution: str
    bank: str
    ours_fen: int
    theirs_fen: int
    difference_fen: int
    matched: int
    proven: bool
    unique: bool
    final: bool
    sets: tuple[tuple[DifferenceAnswer, ...], ...]


class FileAnswer(Struct, frozen=True, omit_defaults=False):
    """A file of the other side: read whole, or refused whole."""

    book: str
    state: str
    fault: str
    rows: int
    total_fen: int
    sm3: str


class ReconciliationAnswer(Struct, frozen=True, omit_defaults=False):
    """Everything compared for one day; `equal` when every comparison is, and no file was refused."""

    day: str
    closed: bool
    equal: bool
    comparisons: tuple[ComparisonAnswer, ...]
    files: tuple[FileAnswer, ...]


class ReportAnswer(Struct, frozen=True, omit_defaults=False):
    """A report of a day as a table: columns ending in `_fen` are fen."""

    name: str
    day: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int, ...], ...]


class ReportName(Struct, frozen=True):
    """A report that can be made."""

    name: str
    en: str
    zh: str

"""What happened to further sources of repayment, to messages about them, and to statements."""

from typing import Literal

from schemas.commands import ConsentedSource, Instant, Struct

MessageKind = Literal["debit_stopped", "source_ended"]


class RepaymentSourcesSet(Struct, frozen=True, tag="repayment_sources_set"):
    """The person consented to these sources in this order, under this text."""

    agreement: str
    sources: tuple[ConsentedSource, ...]
    consent_version: str
    consented_at: Instant


class RepaymentSourceEnded(Struct, frozen=True, tag="repayment_source_ended"):
    """A further source may not be debited any more: contract dead, card closed or frozen. `place` counts from 1."""

    agreement: str
    place: int
    cause: str


class MessagePlanned(Struct, frozen=True, tag="message_planned"):
    """A message to the person waits for the end of the quiet hours (domain 7: 22:00 to 08:00)."""

    bill: str
    kind: MessageKind
    at: Instant


class MessageSent(Struct, frozen=True, tag="message_sent"):
    """The person is told; the ledger is the outbox that senders of messages read."""

    bill: str
    kind: MessageKind
    cause: str
    owed_fen: int


class StatementIssued(Struct, frozen=True, tag="statement_issued"):
    """All bills of a month under one agreement are due together (domain 6, one-time settlement by month)."""

    statement: str
    agreement: str
    statement_on: Instant
    bills: tuple[str, ...]
    amount_fen: int
    due_at: Instant
    next_on: Instant = 0
    """The day of the next statement, for bills that are already waiting for it; 0 for none."""


SourceEvent = RepaymentSourcesSet | RepaymentSourceEnded | MessagePlanned | MessageSent | StatementIssued

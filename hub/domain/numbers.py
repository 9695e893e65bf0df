"""Hospital numbers: accounts of their own until a message names their person, then links that forward."""

from typing import Final

from msgspec.structs import replace

from hub.domain.deposits import known_deposit
from hub.domain.draft import MONEY_INCIDENT, Draft, Outcome, Refusal
from hub.domain.lines import booked_line
from hub.domain.relays import put, send
from schemas.commands import (
    Command,
    DepositPrepayment,
    IdentifyPatient,
    Instant,
    MergePatient,
    PostCharge,
    ReceiveTransfer,
    RecordVisit,
    RefundPrepayment,
    Subject,
)
from schemas.events import (
    Forwarded,
    NumberLinked,
    NumberNoted,
    PersonIdentified,
    PrepaymentTransferred,
    VisitClosed,
)
from schemas.ids import message_hash
from schemas.reasons import Reason

HOPS_MAX: Final = 4


def identify(draft: Draft, subject: Subject) -> None:
    """Keep what a message says about the person, masked, when it is new."""
    core = draft.core
    if (
        (subject.name_masked != core.name_masked and subject.name_masked)
        or (subject.id_masked != core.id_masked and subject.id_masked)
        or (subject.birth_on != core.birth_on and subject.birth_on)
        or (subject.sex != core.sex and subject.sex)
        or (subject.number == core.account and core.kind == "person")
    ):
        draft.emit(PersonIdentified(subject))


def identify_patient(draft: Draft, body: IdentifyPatient) -> Outcome | Refusal:
    """Record an identity; a person tells a hospital number of theirs, once, that it may link."""
    identify(draft, body.subject)
    note_number(draft, body)
    return Outcome("RECORDED", draft.core.account)


def note_number(draft: Draft, body: IdentifyPatient) -> None:
    """Tell a number of the person's, once, whose it is: it may link and forward from then on."""
    number, core, command = body.subject.number, draft.core, draft.command
    if command and number and number != core.account and number not in core.numbers:
        draft.emit(NumberNoted(number))
        came_from = command.via.accounts if command.via else ()
        if number not in came_from:
            put(draft, _told(draft, command, body, number), came_from)


def _told(draft: Draft, command: Command, body: IdentifyPatient, number: str) -> Command:
    account = draft.core.account
    return Command(
        id=message_hash("identify", account, str(draft.seq)),
        account=number,
        accepted_at=command.accepted_at,
        accepted_wall_at=command.accepted_wall_at,
        source=command.source,
        interface="relay",
        content_hash=message_hash("identify", account, number),
        body=body,
    )


def route(draft: Draft, command: Command) -> Outcome | Refusal | None:
    """Link and forward where this is a hospital number's account; None when the command is decided here.

    Money on its way between accounts is never refused: where its way ends it stays, and a person must look.
    """
    routed = _routed(draft, command)
    if isinstance(routed, Refusal) and isinstance(command.body, ReceiveTransfer):
        draft.set_aside(MONEY_INCIDENT, routed.reason, "the prepayment stays at this account")
        return None
    return routed


def _routed(draft: Draft, command: Command) -> Outcome | Refusal | None:
    account = draft.core.account
    if type(command.body) is MergePatient:
        return None
    if draft.core.merged_into:
        return _to_survivor(draft, command, draft.core.merged_into)
    subject: Subject | None = getattr(command.body, "subject", None)
    if subject is not None and subject.number == account and subject.person not in ("", account):
        refusal = _link(draft, command, subject)
        if refusal is not None:
            return refusal
    person = draft.core.linked_person
    if not person or _decided_here(draft, command):
        return None
    visited = command.via.accounts if command.via else ()
    if person in visited and isinstance(command.body, IdentifyPatient):
        return Outcome("RECORDED", person)
    return _onward(draft, command, person)


def _to_survivor(draft: Draft, command: Command, survivor: str) -> Outcome | Refusal | None:
    """Forward from a retired account; where a message names its number, it names the survivor's from here on."""
    if draft.core.kind == "number" and _decided_here(draft, command):
        return None
    subject: Subject | None = getattr(command.body, "subject", None)
    if subject is None or subject.number != draft.core.account:
        return _onward(draft, command, survivor)
    renamed = replace(command.body, subject=replace(subject, number=survivor))
    return _onward(draft, replace(command, body=renamed), survivor)


def _onward(draft: Draft, command: Command, to: str) -> Outcome | Refusal | None:
    """Forward; money whose way is a circle or too long stays where it is (None), before a person: it is never lost."""
    outcome = forward(draft, command, to)
    if not isinstance(outcome, Refusal) or not isinstance(command.body, ReceiveTransfer):
        return outcome
    draft.set_aside(MONEY_INCIDENT, outcome.reason, "the prepayment stays where its way ended", towards=to)
    return None


def _link(draft: Draft, command: Command, subject: Subject) -> Refusal | None:
    """Link once; prepayment goes over in a relay ahead of the first forward."""
    core = draft.core
    if core.linked_person:
        same = core.linked_person == subject.person
        return None if same else Refusal(Reason.LINK_CONFLICT, quarantine=MONEY_INCIDENT)
    draft.emit(NumberLinked(subject.person, getattr(command.body, "institution", "")))
    event_at = getattr(command.body, "event_at", command.accepted_at)
    hand_over_prepayments(draft, subject.person, subject, event_at)
    return None


def hand_over_prepayments(draft: Draft, to: str, subject: Subject, event_at: Instant) -> None:
    """Send what was prepaid to another account, ahead of the first forward."""
    account = draft.core.account
    for institution, amount in list(draft.core.prepayments.items()):
        if amount:
            draft.emit(PrepaymentTransferred(institution, amount, to))
            send(draft, to, ReceiveTransfer(account, institution, event_at, amount, subject))


def _decided_here(draft: Draft, command: Command) -> bool:
    """Lines booked before the link stay and are reversed here; a receipt booked and money kept here are known here."""
    body = command.body
    if isinstance(body, RefundPrepayment):
        return draft.core.prepayments.get(body.institution, 0) > 0
    if isinstance(body, DepositPrepayment):
        return known_deposit(draft.core, body.institution, body.receipt_no) is not None
    if not isinstance(body, PostCharge):
        return False
    named = (line.reverses or line.line_key for line in body.lines)
    return all(booked_line(draft.state, body.institution, key) is not None for key in named)


def forward(draft: Draft, command: Command, to: str) -> Outcome | Refusal:
    """Send a command on with id, times, sender, reply address and sealed bytes as they are; circles are refused."""
    visited = command.via.accounts if command.via else ()
    if to in visited or to == draft.core.account or len(visited) + 1 > HOPS_MAX:
        return Refusal(Reason.FORWARD_LOOP, quarantine=MONEY_INCIDENT)
    body = command.body
    if isinstance(body, RecordVisit) and body.event == "discharged":
        _close_here(draft, body)
    draft.emit(Forwarded(command.id, to))
    put(draft, replace(command, account=to), visited)
    return Outcome("FORWARDED", to)


def _close_here(draft: Draft, body: RecordVisit) -> None:
    """A stay that began before the link ends here too."""
    encounter = draft.encounter(body.institution, body.visit)
    if encounter is not None and not encounter.closed_at:
        draft.emit(VisitClosed(body.visit, body.institution, draft.accepted_at, "discharged"))

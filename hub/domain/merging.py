"""ADT^A40: two records of one patient become one (protocols 2.1; architecture 4, two accounts in one step).

A retired hospital number forwards to the surviving one, or to the person, as a number does after its link: prepayment
goes over, early lines stay and are reversed there. A retired person's account gives everything to the survivor in one
step and then only forwards; the survivor refuses nothing that the retired account already gave: where both have an
agreement, the survivor's stays in force and what is owed under the other stays owed and is debited as agreed.
Taking a merge back is not offered: it needs a person who knows whose each charge was.
"""

from typing import Final

from msgspec.structs import replace

from hub.domain.contents import packed, unpacked
from hub.domain.draft import CHARGE_QUARANTINE, MONEY_INCIDENT, Draft, Outcome, Refusal
from hub.domain.holds import release_agreement
from hub.domain.numbers import hand_over_prepayments
from hub.domain.overdue import judge_joined
from hub.domain.relays import send
from hub.domain.state import Encounter
from schemas.commands import AbsorbAccount, IdentifyPatient, MergePatient
from schemas.events import AccountAbsorbed, AccountMerged
from schemas.events.identity import MovedAgreement
from schemas.reasons import Reason

CONTENTS_MAX: Final = 256 * 1024
"""What moves in one step stays far below what a record and a state may hold; more is merged by a person."""


def merge_patient(draft: Draft, body: MergePatient) -> Outcome | Refusal:
    """Retire this account in favour of the survivor; what is not certain is put before a person."""
    core, account = draft.core, draft.core.account
    by_number = body.retired.number == account
    survivor = (body.survivor.number if by_number else "") or body.survivor.person
    if not survivor or survivor == account:
        return Refusal(Reason.MERGE_INVALID, quarantine=CHARGE_QUARANTINE)
    if core.merged_into:
        same = core.merged_into == survivor
        return Outcome("RECORDED", survivor) if same else Refusal(Reason.MERGE_AMBIGUOUS, quarantine=MONEY_INCIDENT)
    if by_number:
        return _retire_number(draft, body, survivor)
    known = body.retired.person == account and core.kind == "person"
    if not known or survivor in core.absorbed:
        return Refusal(Reason.MERGE_AMBIGUOUS, quarantine=MONEY_INCIDENT)
    return _retire_person(draft, body, survivor)


def _retire_number(draft: Draft, body: MergePatient, survivor: str) -> Outcome | Refusal:
    """Forward to the surviving number; a number that has a person tells the survivor whose it is."""
    person = draft.core.linked_person
    if not person:
        draft.emit(AccountMerged(survivor, body.institution, body.event_at, number=True))
        hand_over_prepayments(draft, survivor, replace(body.survivor, number=survivor), body.event_at)
        return Outcome("POSTED", survivor)
    if body.survivor.person not in ("", person):
        return Refusal(Reason.MERGE_AMBIGUOUS, quarantine=MONEY_INCIDENT)
    if body.survivor.number:
        whose = replace(body.survivor, person=person)
        send(draft, body.survivor.number, IdentifyPatient(body.institution, body.event_at, whose))
    return Outcome("RECORDED", survivor)


def _retire_person(draft: Draft, body: MergePatient, survivor: str) -> Outcome | Refusal:
    core, encounters = packed(draft.state)
    if len(core) + sum(map(len, encounters)) > CONTENTS_MAX:
        return Refusal(Reason.OUTCOME_TOO_LARGE, quarantine=MONEY_INCIDENT)
    draft.emit(AccountMerged(survivor, body.institution, body.event_at))
    send(draft, survivor, AbsorbAccount(draft.core.account, body.event_at, core, encounters))
    return Outcome("POSTED", survivor)


def absorb_account(draft: Draft, body: AbsorbAccount) -> Outcome | Refusal:
    """Take in everything of a retired account; later words to it come here by forwarding."""
    contents = unpacked(body.core, body.encounters)
    account = draft.core.account
    if contents is None or contents.core.account != body.from_account or body.from_account == account:
        return Refusal(Reason.MERGE_INVALID, quarantine=MONEY_INCIDENT)
    twice = [line for each in contents.encounters for line in _lines_twice(draft, each)]
    ended = contents.core.agreement if draft.core.agreement else ""
    agreements = tuple(
        MovedAgreement(a.id, a.pack, a.bank, a.limit_fen, a.consent_until) for a in contents.core.agreements.values()
    )
    payments = tuple((payment.id, payment.amount_fen) for payment in contents.core.payments.values())
    draft.emit(
        AccountAbsorbed(body.from_account, body.core, body.encounters, draft.accepted_at, ended, agreements, payments)
    )
    if ended:
        release_agreement(draft, ended)
    judge_joined(draft)
    for line in twice:
        draft.set_aside(MONEY_INCIDENT, Reason.LINE_CHANGED, "booked under both accounts", line=line)
    return Outcome("POSTED", body.from_account)


def _lines_twice(draft: Draft, moved: Encounter) -> list[str]:
    own = draft.state.encounters.get(moved.key)
    return [key for key in moved.lines if own is not None and key in own.lines]

"""What a pack may ask before it gives credit: dishonesty record, insurance card, insurance-credit check (domain 5)."""

from schemas.commands import Instant, Struct


class DishonestyRecorded(Struct, frozen=True, tag="dishonesty_recorded"):
    """The person has a dishonesty record (失信记录); packs that ask for none give no credit."""

    reference: str
    author: str
    reason: str


class DishonestyCleared(Struct, frozen=True, tag="dishonesty_cleared"):
    """The record was taken back or has ended."""

    reference: str
    author: str
    reason: str


class InsuranceLinked(Struct, frozen=True, tag="insurance_linked"):
    """The insurance card or e-health code was linked at a counter; `card` is its account, never its number."""

    card: str
    institution: str
    author: str


class InsuranceCreditChecked(Struct, frozen=True, tag="insurance_credit_checked"):
    """What the insurer's credit check said."""

    passed: bool
    checked_at: Instant
    reference: str


EnrolmentEvent = DishonestyRecorded | DishonestyCleared | InsuranceLinked | InsuranceCreditChecked

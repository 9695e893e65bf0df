"""What institutions and insurers report: visits, charges, settlements."""

from typing import Literal

from schemas.commands.parts import ChargeLine, Instant, InsuranceSplit, Scene, SettlementMode, Struct, Subject


class PostCharge(Struct, frozen=True, tag="post_charge"):
    """One DFT^P03 or one ChargeItem: its lines are netted and split once (architecture 12, a charge).

    `condition_key` is the line key of a conditional create (If-None-Exist): a known one answers with what is stored.
    `replace_lines` is the profile's `line_replace: allow`.
    """

    institution: str
    visit: str
    scene: Scene
    event_at: Instant
    lines: tuple[ChargeLine, ...]
    subject: Subject = Subject()
    settlement: InsuranceSplit | None = None
    settlement_mode: SettlementMode = "none"
    replace_lines: bool = False
    condition_key: str = ""
    strict_control_id: str = ""
    """MSH-10 when the profile's control_id_policy is strict: a known one with other content is CONTROL_ID_REUSED."""
    visit_required: bool = False
    """FHIR: the visit must be known (VISIT_UNKNOWN); HL7 opens it with the first charge."""


class RecordVisit(Struct, frozen=True, tag="record_visit"):
    """A visit event: ADT^A01/A04 opened, A08 updated, A03 discharged, A11 cancelled, A13 reopened; FHIR Encounter."""

    institution: str
    visit: str
    event: Literal["opened", "updated", "discharged", "cancelled", "reopened"]
    event_at: Instant
    scene: Scene | None = None
    subject: Subject = Subject()
    department: str = ""
    """Where it takes place, as the sender codes it: PV1-3 or PV1-10, Encounter.serviceType or serviceProvider."""


class IdentifyPatient(Struct, frozen=True, tag="identify_patient"):
    """FHIR Patient or an ADT that carries both a citizen id and a hospital number: may link a number account."""

    institution: str
    event_at: Instant
    subject: Subject


class SettleInsurance(Struct, frozen=True, tag="settle_insurance"):
    """The insurer's result for a visit (ClaimResponse, 2207): triggers the split of what was held."""

    institution: str
    visit: str
    event_at: Instant
    split: InsuranceSplit
    subject: Subject = Subject()


class ReverseSettlement(Struct, frozen=True, tag="reverse_settlement"):
    """The contra entry of a settlement (2208)."""

    institution: str
    visit: str
    event_at: Instant
    settlement_id: str
    subject: Subject = Subject()


TreatmentBody = PostCharge | RecordVisit | IdentifyPatient | SettleInsurance | ReverseSettlement

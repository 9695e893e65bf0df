"""What `medcredit.dead-letters.v1` carries: nothing is lost, the original bytes are kept sealed (protocols 0, 11)."""

from typing import Literal

from schemas.commands import Instant, Struct

DeadLetterInterface = Literal[
    "mllp", "hl7", "fhir", "pay", "score", "api", "commands", "quarantine.charge", "incident.money", "parked"
]
SEALED_BYTES_MAX = 512 * 1024
"""A longer original keeps its first 512 KiB, its length and its SM3."""


class DeadLetter(Struct, frozen=True):
    """One refused, quarantined or contradicting message; Kafka header `interface` repeats the interface.

    `id` is deterministic (hash of interface, receipt key and reason for refusals; of the command's place for those of a
    lane), so the same message refused twice is one letter with two arrivals. `raw_sealed` opens with the additional
    data `v1|kid|raw|interface|receipt_key`. `reply_sent` is the code the sender saw, as `AE` or `409`.
    """

    id: str
    at: Instant
    wall_at: Instant
    interface: DeadLetterInterface
    source: str
    reason: str
    detail: str
    receipt_key: str
    raw_sealed: str
    reply_sent: str = ""
    raw_length: int = 0
    raw_sm3: str = ""
    account: str = ""
    command_id: str = ""
    position: str = ""
    """HL7 ERR-2 or FHIR expression of the fault."""
    parameters: dict[str, str] = {}
    """What fills the places of the reason's text; never a name, an id number or another line's amount."""
    wire: str = ""
    """The interface whose envelope data sealed the bytes, when it differs from `interface` (quarantine, incidents)."""

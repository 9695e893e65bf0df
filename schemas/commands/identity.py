"""Two records of one patient become one (ADT^A40): the retired account's contents move, then it forwards."""

from schemas.commands.parts import Instant, Struct, Subject


class MergePatient(Struct, frozen=True, tag="merge_patient"):
    """ADT^A40, routed to the retired account: PID-3 names the surviving patient, MRG-1 the retired one.

    Hospital numbers merge as numbers do at a link. Persons merge only where both citizen ids are named.
    """

    institution: str
    event_at: Instant
    survivor: Subject
    retired: Subject


class AbsorbAccount(Struct, frozen=True, tag="absorb_account"):
    """Relay to the surviving person: everything that stood in the retired account, as its bytes in base64."""

    from_account: str
    event_at: Instant
    core: str
    encounters: tuple[str, ...] = ()


IdentityBody = MergePatient | AbsorbAccount

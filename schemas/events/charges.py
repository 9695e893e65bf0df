"""What happened to charges, credits and insurance settlements."""

from schemas.commands import Instant, InsuranceSplit, Scene, Struct
from schemas.events.allocation import Allocation, PostedLine


class ChargePosted(Struct, frozen=True, tag="charge_posted"):
    """One charge was split (domain 4). `allocation` sums to `total_fen`."""

    charge: str
    visit: str
    institution: str
    scene: Scene
    event_at: Instant
    pack: str
    agreement: str
    total_fen: int
    allocation: Allocation
    lines: tuple[PostedLine, ...]
    settlement: InsuranceSplit | None = None
    department: str = ""
    reason: str = ""
    """Why the credit step gave less than was asked."""
    parameters: dict[str, str] = {}
    idle_at: Instant = 0
    absorbs: tuple[str, ...] = ()
    """Held charges that were split as this one: by a settlement, or at the close."""
    hold: str = ""
    """The hold under which the credit part stands on a payer's line (family payment); `agreement` is empty then."""
    payer: str = ""


class LinesHeld(Struct, frozen=True, tag="lines_held"):
    """Mode `after`: lines are known and wait for the insurer's settlement; nothing is allocated yet."""

    charge: str
    visit: str
    institution: str
    scene: Scene
    event_at: Instant
    pack: str
    total_fen: int
    lines: tuple[PostedLine, ...]
    department: str = ""
    idle_at: Instant = 0


class InsuranceSettled(Struct, frozen=True, tag="insurance_settled"):
    """The settlement of a visit's held lines, or of a charge; its cash part was split as a charge of its own."""

    visit: str
    institution: str
    split: InsuranceSplit
    charges: tuple[str, ...]


class SettlementBlocked(Struct, frozen=True, tag="settlement_blocked"):
    """The insurer's figures contradict the posted lines: no split and no bill until they are corrected."""

    visit: str
    institution: str
    reason: str


class SettlementReversed(Struct, frozen=True, tag="settlement_reversed"):
    """The contra entry of a settlement (2208)."""

    visit: str
    institution: str
    settlement_id: str


class ChargeReduced(Struct, frozen=True, tag="charge_reduced"):
    """A credit or reversal took back part of a charge along its own split, backwards (architecture 12, reversal).

    `returned` sums to `amount_fen`. `self_pay_fen` of it is reported as `refund_at_window_fen`.
    `lines` are the credit lines, `reduced` the charge lines and by how much each was reduced.
    """

    charge: str
    visit: str
    institution: str
    event_at: Instant
    amount_fen: int
    returned: Allocation
    lines: tuple[PostedLine, ...] = ()
    reduced: tuple[tuple[str, int], ...] = ()
    reduction: str = ""
    """The id of this taking back."""
    settled: bool = False
    """True: the personal account part belongs to the insurer's books, not to the balance the hub keeps."""
    waits: bool = False
    """True: the credit part waits for the result of the live debit."""


class CreditParked(Struct, frozen=True, tag="credit_parked"):
    """A credit came before its charge; it waits 24 h of city time (architecture 12)."""

    visit: str
    institution: str
    command_id: str
    lines: tuple[PostedLine, ...]
    until: Instant


class CreditUnparked(Struct, frozen=True, tag="credit_unparked"):
    """The charge came and the credit was applied, or the wait ended unmatched."""

    visit: str
    institution: str
    command_id: str
    applied: bool


ChargeEvent = (
    ChargePosted
    | LinesHeld
    | InsuranceSettled
    | SettlementBlocked
    | SettlementReversed
    | ChargeReduced
    | CreditParked
    | CreditUnparked
)

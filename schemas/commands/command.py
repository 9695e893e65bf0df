"""The record on `commands`."""

from schemas.commands.balances import BalanceBody
from schemas.commands.billing import BillingBody
from schemas.commands.clearing import ClearingBody
from schemas.commands.credit import CreditBody
from schemas.commands.family import FamilyBody
from schemas.commands.feedback import FeedbackBody
from schemas.commands.holds import HoldBody
from schemas.commands.identity import IdentityBody
from schemas.commands.parts import Instant, Interface, ReplyTo, Struct
from schemas.commands.payments import PaymentBody
from schemas.commands.sources import SourceBody
from schemas.commands.standing import StandingBody
from schemas.commands.treatment import TreatmentBody

Body = (
    TreatmentBody
    | CreditBody
    | PaymentBody
    | BalanceBody
    | BillingBody
    | ClearingBody
    | HoldBody
    | FamilyBody
    | FeedbackBody
    | IdentityBody
    | StandingBody
    | SourceBody
)


class Via(Struct, frozen=True):
    """How a relayed or forwarded command came here; the receiver recognises repeats by it (architecture 4).

    `accounts` are those visited, oldest first: a visited one again, or more than 4, is FORWARD_LOOP.
    """

    partition: int
    account: str
    seq: int
    accounts: tuple[str, ...] = ()


class Command(Struct, frozen=True):
    """The record on `commands`, keyed by `account`.

    `id` is the message's own idempotency key, the same for every repeat; `content_hash` tells a repeat (equal) from a
    conflict (other). `source` is the sender, as `HIS@XMZSH`; `profile` its version, as `HIS@XMZSH/3`.
    `sealed` is the envelope of the original bytes (purpose `raw`). `accepted_at` and `accepted_wall_at` are stamped by
    the edge. `reinjects` names the dead letter this command was re-injected from.
    """

    id: str
    account: str
    accepted_at: Instant
    accepted_wall_at: Instant
    source: str
    interface: Interface
    content_hash: str
    body: Body
    profile: str = ""
    reply: ReplyTo | None = None
    sealed: str = ""
    receipt_key: str = ""
    """Bound into the envelope's additional data `v1|kid|raw|interface|receipt_key`."""
    via: Via | None = None
    reinjects: str = ""


COMMAND_BYTES_MAX = 512 * 1024
"""What becomes one command is at most 512 KiB as received (architecture 5)."""
LINES_MAX = 500
"""And at most 500 lines."""
TEXT_CHARACTERS_MAX = 1024
"""A sender's key or name is at most so long: views, timers and events repeat it, and each is one record."""

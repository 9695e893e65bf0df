"""What the verbs of `medcredit dlq` answer under --json."""

from hub.web.answers import DeadLetterAnswer
from schemas.commands import Struct


class ShownLetter(Struct, frozen=True, omit_defaults=False):
    """`dlq show`: the letter, and its masked lines with --raw."""

    letter: DeadLetterAnswer
    raw: tuple[str, ...] = ()


class Replayed(Struct, frozen=True, omit_defaults=False):
    """What became of one letter that was sent again.

    `outcome` is the lane's, a reason code where it was refused, PENDING where it is durable and not decided yet, or
    DRY_RUN.
    """

    letter: str
    number: int = 0
    command_id: str = ""
    account: str = ""
    outcome: str = ""
    refused: bool = False
    repeated: bool = False
    reference: str = ""
    text: str = ""


class ReplayAnswer(Struct, frozen=True, omit_defaults=False):
    """`dlq replay`: `ok` is false when a letter was refused again."""

    ok: bool
    results: tuple[Replayed, ...]


class Dropped(Struct, frozen=True, omit_defaults=False):
    """A letter that will not be sent again; `now` is false where that was decided before, with its first reason."""

    letter: str
    now: bool
    reason: str


class DropAnswer(Struct, frozen=True, omit_defaults=False):
    """`dlq drop`."""

    results: tuple[Dropped, ...]


class ParkAnswer(Struct, frozen=True, omit_defaults=False):
    """`dlq park`: what was set aside; `command_id` is empty for a timer."""

    partition: int
    what: str
    command_id: str

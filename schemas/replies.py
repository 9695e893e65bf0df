"""What `medcredit.replies.v1` carries: the outcome for a caller that waits (architecture 5)."""

from typing import Any

from schemas.commands import Instant, Struct


class Reply(Struct, frozen=True):
    """The outcome of one command; `result` is JSON of the outcome's own shape (hub.domain.reply).

    `code` is an outcome (`POSTED`, `RECORDED`, …) or a reason code; `refused` says which. A repeat's reply is rebuilt
    from state and equals the first one.
    """

    command_id: str
    account: str
    code: str
    refused: bool
    at: Instant
    parameters: dict[str, str] = {}
    result: dict[str, Any] = {}
    repeated: bool = False
    ticket: str = ""
    """The ticket of the command's `reply`."""

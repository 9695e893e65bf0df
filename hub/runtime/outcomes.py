"""What a caller is told of an outcome: its reason, the id of what came of it, and where it can be read later."""

from typing import Final

from hub.runtime.wire import Inbound
from schemas.reasons import Reason
from schemas.replies import Reply

OUTCOMES: Final = "/api/v1/outcomes"
"""Where `web` answers with the outcome of a command that was accepted and not yet decided."""
_NAMES: Final = (
    *("id", "reference", "charge", "bill", "agreement", "link", "payment", "settlement", "hold", "refund"),
    *("case", "proposal"),
)


def outcome_key(account: str, command_id: str) -> str:
    """Return `<account>-<command id>`: the account first, so that the key routes itself."""
    return f"{account}-{command_id}"


def outcome_path(inbound: Inbound) -> str:
    """Return the link of a 202."""
    return f"{OUTCOMES}/{outcome_key(inbound.account, inbound.id)}"


def thing_id(reply: Reply, inbound: Inbound) -> str:
    """Return the hub's id of what the command made: charge, agreement, payment; else the outcome's own key."""
    for name in _NAMES:
        value = reply.result.get(name)
        if isinstance(value, str) and value:
            return value
    return outcome_key(reply.account or inbound.account, inbound.id)


def reason_of(reply: Reply) -> Reason:
    """Return the reason of a refusal; a code this version does not know is UNDECODABLE, never an exception."""
    try:
        return Reason(reply.code)
    except ValueError:
        return Reason.UNDECODABLE

"""One step of a saga: a command of this account for another one, as an errand of this record (architecture 4).

The id follows from account, record and place, so whoever relays an errand twice sends the same command; the receiver
recognises it by `via`.
"""

from typing import Final

from msgspec.structs import replace

from hub.domain.draft import Draft
from schemas.commands import Body, Command, ReplyTo, Via
from schemas.errands import RelayErrand
from schemas.ids import message_hash

LANE_PARTITION: Final = -1
"""The domain knows no partitions; whoever relays an errand knows the one it read it from."""


def send(draft: Draft, to: str, body: Body, reply: ReplyTo | None = None) -> None:
    """Send a command to another account; the receiver sees it after everything this account sent it before."""
    account = draft.core.account
    place = message_hash("step", account, str(draft.seq), str(len(draft.errands)))
    command = Command(
        id=place,
        account=to,
        accepted_at=draft.accepted_at,
        accepted_wall_at=draft.now.wall,
        source=draft.command.source if draft.command else "",
        interface="relay",
        content_hash=place,
        body=body,
        reply=reply,
    )
    put(draft, command, ())


def put(draft: Draft, command: Command, visited: tuple[str, ...]) -> None:
    """Send a command that is already made; `visited` are the accounts it came through before this one."""
    account = draft.core.account
    via = Via(LANE_PARTITION, account, draft.seq, (*visited, account))
    draft.errands.append(RelayErrand(draft.errand_id("relay"), account, replace(command, via=via)))

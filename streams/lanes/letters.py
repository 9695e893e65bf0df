"""The dead letters a lane writes: what it cannot read, what a decision sets before a person, what a person parked."""

from hub.domain.decision import Decision, Now
from hub.runtime.sealing import Sealed
from schemas.commands import Command
from schemas.dead_letters import DeadLetter
from schemas.ids import message_hash
from schemas.reasons import Reason


def unreadable(detail: str, place: str, sealed: Sealed, now: Now) -> DeadLetter:
    """Return the letter of a record of `commands` that is none; `place` is partition@offset."""
    return DeadLetter(
        id=message_hash("commands", place, Reason.UNDECODABLE),
        at=now.city,
        wall_at=now.wall,
        interface="commands",
        source="",
        reason=Reason.UNDECODABLE,
        detail=detail,
        receipt_key=place,
        raw_sealed=sealed.envelope,
        raw_length=sealed.length,
        raw_sm3=sealed.sm3,
    )


def quarantined(decision: Decision, command: Command | None, place: str, now: Now) -> list[DeadLetter]:
    """Return the decision's letters; a timer has no bytes, its letter names the message in its parameters."""
    return [
        DeadLetter(
            id=message_hash(found.interface, place, str(number)),
            at=now.city,
            wall_at=now.wall,
            interface=found.interface,
            source=command.source if command else "timer",
            reason=found.reason,
            detail=found.detail,
            receipt_key=command.receipt_key if command else place,
            raw_sealed=command.sealed if command else "",
            account=decision.record.account,
            command_id=command.id if command else found.parameters.get("command", ""),
            parameters=found.parameters,
            wire=command.interface if command else "",
        )
        for number, found in enumerate(decision.quarantine)
    ]


def parked(account: str, command: Command | None, place: str, now: Now) -> DeadLetter:
    """Return the letter of a command or timer that a person set aside."""
    return DeadLetter(
        id=message_hash("parked", place),
        at=now.city,
        wall_at=now.wall,
        interface="parked",
        source=command.source if command else "timer",
        reason=Reason.PARKED,
        detail=f"set aside by a person: {place}",
        receipt_key=command.receipt_key if command else place,
        raw_sealed=command.sealed if command else "",
        account=account,
        command_id=command.id if command else "",
        wire=command.interface if command else "",
    )

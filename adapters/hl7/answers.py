"""Which acknowledgements a verdict becomes in original and enhanced mode (the table of protocols 1.3); pure."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from adapters.hl7.acknowledgement import AckCode, acknowledgement, permitted
from adapters.hl7.faults import Fault, Location
from adapters.hl7.header import Header
from adapters.hl7.translation import Accepted, Refused, Translated
from schemas.commands import PostCharge
from schemas.reasons import Reason

BUSY: Final = Fault(Reason.HUB_BUSY)


class Answer(msgspec.Struct, frozen=True):
    """The frames' payloads one message gets; None where its MSH-15 or MSH-16 asks for none.

    `first` is the original-mode answer or the accept acknowledgement; `application` the second one of enhanced mode.
    `close` says that the connection is closed afterwards (profile `busy_reply: close`).
    """

    first: bytes | None = None
    application: bytes | None = None
    close: bool = False
    code: str = ""
    """What the sender is told in the end: AA, AE, AR, CR, CE; empty where it asked not to be told."""


def answer_durable(translated: Translated) -> Answer:
    """Return the answer once the command or the dead letter is durable.

    For a profile with `ack_after: decision` use `answer_stored` and `answer_decided` instead.
    """
    if isinstance(translated, Refused):
        return _refusal(translated, stored=True)
    header, key = translated.header, translated.message_key
    if not header.enhanced:
        return Answer(acknowledgement(header, "AA", key), code="AA")
    return Answer(
        _if_asked(header.accept_mode, header, "CA", key),
        _if_asked(header.application_mode, header, "AA", key),
        code="AA",
    )


def answer_stored(accepted: Accepted) -> Answer:
    """Return what a message whose decision is awaited gets at once: CA in enhanced mode, nothing in original mode."""
    header = accepted.header
    if not header.enhanced:
        return Answer()
    return Answer(_if_asked(header.accept_mode, header, "CA", accepted.message_key))


def answer_decided(accepted: Accepted, fault: Fault | None) -> Answer:
    """Return the application answer of the books: AA, or AE (AR for HUB_BUSY) with the reason and the line's place."""
    header, key = accepted.header, accepted.message_key
    code: AckCode = "AA" if fault is None else "AR" if fault.reason == Reason.HUB_BUSY else "AE"
    faults = () if fault is None else (fault,)
    if not header.enhanced:
        return Answer(acknowledgement(header, code, key, faults), code=code)
    return Answer(application=_if_asked(header.application_mode, header, code, key, faults), code=code)


def answer_busy(translated: Translated) -> Answer:
    """Return the answer when neither command nor dead letter could be made durable.

    A refusal is still told, because then the sender keeps the message; an acceptable message gets HUB_BUSY.
    """
    if isinstance(translated, Refused):
        return _refusal(translated, stored=False)
    header, key = translated.header, translated.message_key
    if header.enhanced:
        return Answer(_if_asked(header.accept_mode, header, "CE", key, (BUSY,)), code="CE")
    if translated.busy_reply == "close":
        return Answer(close=True)
    return Answer(acknowledgement(header, translated.busy_reply, key, (BUSY,)), code=translated.busy_reply)


def decision_fault(accepted: Accepted, reason: Reason, parameters: Mapping[str, str]) -> Fault:
    """Return the fault of a decision; `parameters["line"]`, a line key, becomes the position of its FT1."""
    body = accepted.body
    location = Location("", 0)
    if isinstance(body, PostCharge) and "line" in parameters:
        keys = [line.line_key for line in body.lines]
        if parameters["line"] in keys:
            location = Location("FT1", keys.index(parameters["line"]) + 1, 2)
    return Fault(reason, location, dict(parameters))


def _refusal(refused: Refused, *, stored: bool) -> Answer:
    header, key, faults = refused.header, refused.receipt_key, refused.faults
    if not refused.reply:
        return Answer()
    if refused.level == "frame" or not header.enhanced:
        # A sender that said "never" is never answered; an invalid mode (ACK_MODE) counts as no mode at all.
        if header.accept_mode == header.application_mode == "NE":
            return Answer()
        return Answer(acknowledgement(header, refused.reply, key, faults), code=refused.reply)
    if refused.level == "header":
        return Answer(_if_asked(header.accept_mode, header, "CR", key, faults), code="CR")
    accept: AckCode = "CA" if stored else "CE"
    told = () if stored else (BUSY,)
    return Answer(
        _if_asked(header.accept_mode, header, accept, key, told),
        _if_asked(header.application_mode, header, refused.reply, key, faults),
        code=refused.reply,
    )


def _if_asked(mode: str, header: Header, code: AckCode, key: str, faults: Sequence[Fault] = ()) -> bytes | None:
    success = code in ("AA", "CA")
    return acknowledgement(header, code, key, faults) if permitted(mode, success=success) else None

"""Credits that came before their charge: parked with their visit, applied when the charge comes (architecture 12)."""

from collections.abc import Sequence
from typing import Final

from hub.domain.clocks import DAY_MS
from hub.domain.draft import Draft
from hub.domain.matching import OpenLines, Wanted, match_credit
from hub.domain.reversals import Taking, check_takings, take_back
from hub.domain.state import Encounter, ParkedLine
from schemas.commands import Item, PostCharge
from schemas.events import CreditParked, CreditUnparked, PostedLine

PARKED_FOR_MS: Final = DAY_MS
"""A credit before its charge waits 24 h of city time (architecture 12)."""


def park(draft: Draft, body: PostCharge, unmatched: Sequence[PostedLine]) -> None:
    """Let the credits of a message wait for their charge."""
    command = draft.command.id if draft.command else ""
    until = draft.now.city + PARKED_FOR_MS
    draft.emit(CreditParked(body.visit, body.institution, command, tuple(unmatched), until))


def unpark(draft: Draft, body: PostCharge, waiting: list[Encounter]) -> None:
    """Apply what is parked in visits of the message's institution and whose charge came with it."""
    visits = [visit for visit in waiting if visit.institution == body.institution]
    for encounter, credit in [(visit, credit) for visit in visits for credit in visit.parked.values()]:
        takings = [_parked_taking(draft, encounter, line) for line in credit.lines]
        known = [taking for taking in takings if taking is not None]
        if len(known) == len(takings) and check_takings(draft, known) is None:
            draft.emit(CreditUnparked(encounter.visit, encounter.institution, credit.command, applied=True))
            take_back(draft, known, body.event_at)


def _parked_taking(draft: Draft, encounter: Encounter, line: ParkedLine) -> Taking | None:
    wanted = Wanted(line.line_key, line.reverses, line.order_no, line.item, line.amount_fen)
    open_lines = OpenLines(draft.state.encounters[encounter.key], {})
    match = match_credit(draft.state, encounter.institution, wanted, {}, open_lines)
    if isinstance(match, str) or match.visit is None:
        return None
    amount = match.visit.lines[match.line_key].open_fen if line.in_full else line.amount_fen
    posted = PostedLine(
        line.line_key,
        amount,
        Item(line.item, line.item_system, line.item_name),
        line.service_at,
        "credit",
        line.quantity,
        line.unit_price,
        line.department,
        line.order_no,
        match.line_key,
        line.content,
    )
    return Taking(match.visit.key, match.line_key, amount, posted)

"""Clock 1 while a relief case is open: a term that would begin or pass meanwhile stands still (domain 12)."""

from hub.domain.draft import Draft
from hub.domain.state import Core
from schemas.events import TermPaused


def relief_open(core: Core) -> bool:
    """Return True while a relief case stops the person's terms."""
    return bool(core.relief) and any(case.state == "open" and case.pauses for case in core.relief.values())


def pause_term(draft: Draft, bill_id: str) -> bool:
    """Stop a bill's clock 1 where a relief case is open; return whether it stands still."""
    if not relief_open(draft.core):
        return False
    if not draft.bill(bill_id).paused_at:
        draft.emit(TermPaused(bill_id, draft.now.city))
    return True

"""What standing on the white list waives: what the pack says, and nothing else (domain 8)."""

from hub.domain.state import Core
from hub.policies import Pack
from hub.policies.clauses import Waiver


def waives(core: Core, pack: Pack, what: Waiver) -> bool:
    """Return True when the person is on the white list and the pack waives this for such persons."""
    return "white" in core.lists and what in pack.lists.waives

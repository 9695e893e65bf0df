"""Policy packs: dated city policy as data, and the durations that gateways dictate."""

from hub.policies.clauses import Citation
from hub.policies.errors import PackError
from hub.policies.ladders import DEFAULT_LADDERS, Ladders, QueryLadder
from hub.policies.pack import Pack
from hub.policies.policies import Grant, Policies, load_directories, load_policies, write_lock

__all__ = [
    "DEFAULT_LADDERS",
    "Citation",
    "Grant",
    "Ladders",
    "Pack",
    "PackError",
    "Policies",
    "QueryLadder",
    "load_directories",
    "load_policies",
    "write_lock",
]

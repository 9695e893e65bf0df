"""One hash over many records, from which the presence of any one can be proven (architecture 4, evidence chain).

The tree is that of RFC 6962 with SM3: leaf = SM3(0x00 ‖ content), node = SM3(0x01 ‖ left ‖ right), split at the largest
power of two below the number of leaves; the prefixes keep a node from passing for a leaf.
"""

from collections.abc import Sequence
from typing import NamedTuple

from schemas.ids import sm3_hex


class Step(NamedTuple):
    """One step of a proof: the hash beside ours, and on which side it stands."""

    side: str
    hash: str


def leaf_hash(content: bytes) -> str:
    """Return the hash of a leaf."""
    return sm3_hex(b"\x00" + content)


def root_of(leaves: Sequence[str]) -> str:
    """Return the root over leaf hashes (64 hex digits each); the root of none is SM3 of nothing."""
    level = list(leaves)
    if not level:
        return sm3_hex(b"")
    while len(level) > 1:
        level = _above(level)
    return level[0]


def proof_of(leaves: Sequence[str], index: int) -> tuple[Step, ...]:
    """Return the steps from one leaf to the root; raises IndexError for a leaf that is not there."""
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    steps: list[Step] = []
    level = list(leaves)
    while len(level) > 1:
        beside = index ^ 1
        if beside < len(level):
            steps.append(Step("left" if beside < index else "right", level[beside]))
        level, index = _above(level), index // 2
    return tuple(steps)


def proves(leaf: str, steps: Sequence[Step], root: str) -> bool:
    """Return True when the steps lead from the leaf to the root."""
    found = leaf
    for step in steps:
        found = _node(step.hash, found) if step.side == "left" else _node(found, step.hash)
    return found == root


def _above(level: Sequence[str]) -> list[str]:
    """Return the next level; a last one without a neighbour moves up as it is, which is RFC 6962's split."""
    pairs = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return [*pairs, level[-1]] if len(level) % 2 else pairs


def _node(left: str, right: str) -> str:
    return sm3_hex(b"\x01" + bytes.fromhex(left) + bytes.fromhex(right))

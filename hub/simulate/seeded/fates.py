"""Chance that does not depend on the order of questions: the same seed and name always meet the same fate.

Taking a step out of a script must not change what happens to the others, or a failing script could not be shortened.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Fates:
    """Draws by name under one seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._asked: Counter[str] = Counter()

    def nth(self, name: str) -> str:
        """Return a name for the n-th of its kind: what is left out elsewhere does not change it."""
        self._asked[name] += 1
        return f"{name} {self._asked[name]}"

    def draw(self, name: str, below: int) -> int:
        """Return a whole number from 0 up to `below`, not included."""
        digest = hashlib.blake2b(f"{self._seed}|{name}".encode(), digest_size=8).digest()
        return int.from_bytes(digest) % below

    def choose(self, name: str, of: Sequence[tuple[int, T]]) -> T:
        """Return one of some values by their weights."""
        left = self.draw(name, sum(weight for weight, _ in of))
        for weight, value in of:
            left -= weight
            if left < 0:
                return value
        raise ValueError("no weights")

"""Makes a failing script short: steps whose absence changes nothing are left out (delta debugging, Zeller 2002)."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def shortest(script: Sequence[T], fails: Callable[[list[T]], bool]) -> list[T]:
    """Return a script that still fails and of which no single step can be left out. `fails(script)` must hold."""
    kept, size = list(script), max(1, len(script) // 2)
    while True:
        place, shortened = 0, False
        while place < len(kept):
            tried = kept[:place] + kept[place + size :]
            if fails(tried):
                kept, shortened = tried, True
            else:
                place += size
        if size == 1 and not shortened:
            return kept
        size = max(1, size // 2) if not shortened or size > 1 else 1

"""The interpreter's garbage collector in a process that answers: rarely, and never through what was loaded at start.

A role's modules and tables are some hundred thousand objects that live as long as the process. At the interpreter's own
pace the edge went through all of them every few thousand messages, and every sender waited meanwhile.
"""

import gc
from typing import Final

COLLECT_EVERY: Final = (50_000, 20, 100)
"""Thresholds of the three generations; messages and decisions make hardly any cycles."""


def collect_rarely() -> None:
    """Collect now, leave what is left out of every later collection, and collect rarely from now on. Idempotent."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_EVERY)

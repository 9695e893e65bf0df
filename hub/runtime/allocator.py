"""The C library's memory in a process that makes and drops megabytes many times a second.

glibc gives freed memory at the end of its heap back to the kernel at once, and the next transaction's pages are then
cleared and mapped again: page faults cost the lanes four of each hundred µs.
"""

import ctypes
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_TOP_PAD: Final = -2
_M_MMAP_THRESHOLD: Final = -3
_KEPT_BYTES: Final = 256 * 1024 * 1024
_GROWTH_BYTES: Final = 16 * 1024 * 1024
_MAPPED_BYTES: Final = 32 * 1024 * 1024
"""The largest that glibc takes."""


def keep_freed_memory() -> bool:
    """Let the process keep up to 256 MB of freed memory for its next use; return False where the C library cannot."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    wanted = ((_M_TRIM_THRESHOLD, _KEPT_BYTES), (_M_TOP_PAD, _GROWTH_BYTES), (_M_MMAP_THRESHOLD, _MAPPED_BYTES))
    taken = [mallopt(parameter, value) == 1 for parameter, value in wanted]
    return all(taken)

"""Memory that a process frees and needs again at once is not fetched from the kernel each time."""

import platform
import subprocess
import sys

import pytest

ROUNDS = """
import resource
from hub.runtime.allocator import keep_freed_memory
if {kept}:
    assert keep_freed_memory()
def use():
    return [bytes(500_000) for _ in range(40)]
use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*, kept: bool) -> int:
    """Return the page faults of a process that uses 20 MB twenty times."""
    code = ROUNDS.format(kept=kept)
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives memory back so eagerly")
def test_memory_that_is_freed_is_kept_for_the_next_transaction():
    """A tenth of the page faults at most."""
    assert faults(kept=True) * 10 < faults(kept=False)

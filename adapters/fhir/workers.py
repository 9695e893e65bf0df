"""Large bodies are read in a worker process, so that the loop keeps answering others (protocols 3.1)."""

import asyncio
import ctypes
import multiprocessing
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Final, ParamSpec, TypeVar

from hub.runtime.durable_log import HubBusyError

INLINE_BYTES_MAX: Final = 64 * 1024
_DIE_WITH_PARENT: Final = 1  # PR_SET_PDEATHSIG
P = ParamSpec("P")
T = TypeVar("T")


class Workers:
    """One worker process, started with the first large body; ends with this process, however it ends."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    async def run(self, size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return `work(...)`, here for a small body and in the worker for a large one.

        Raises what `work` raises, and HubBusyError when the worker died over it.
        """
        if size <= INLINE_BYTES_MAX:
            return work(*args, **kwargs)
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_settle_in)
        pool = self._pool
        try:
            return await asyncio.wrap_future(pool.submit(work, *args, **kwargs))
        except BrokenProcessPool:
            self.stop()
            raise HubBusyError from None

    def stop(self) -> None:
        """End the worker; what it was doing is not answered."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


def _settle_in() -> None:
    """Leave Ctrl-C to the parent, and end when it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_DIE_WITH_PARENT, signal.SIGKILL)

"""aiokafka's consumer as every role uses it, corrected in two places where a lost connection ended wrongly."""

import asyncio
from typing import Any, Final

from aiokafka import AIOKafkaConsumer

METADATA_MS: Final = 5_000
"""How old a client's knowledge of the topics may become.

A member that leads its group and could not ask for them gives partitions to nobody, and nobody notices. It asks again
after this long, and the group is shared out anew; the client's own five minutes would be a hub that stands still."""


class Consumer(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka has no types
    """The consumer of every role; its `stop` raises CancelledError only to a caller that was cancelled."""

    def __init__(self, *topics: str, **settings: Any) -> None:
        super().__init__(*topics, metadata_max_age_ms=METADATA_MS, **settings)

    async def stop(self) -> None:
        """Leave the group and close the connections. Raises KafkaError or OSError. Idempotent.

        aiokafka 0.14.0 lets the CancelledError of a fetch that waits to be tried again out of its own `stop`, with the
        connections still open: a role would end with a trace instead of its status, a task without a word.
        """
        try:
            await super().stop()
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if caller is not None and caller.cancelling():
                raise
            for fetch in self._fetcher._pending_tasks:  # noqa: SLF001 - only the first of them was ended
                fetch.cancel()
            await self._client.close()

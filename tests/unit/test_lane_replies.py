"""Replies to callers that wait: one that cannot be sent is counted and takes no other with it."""

import asyncio

from aiokafka.errors import KafkaTimeoutError
from lanes_world import until

from schemas.replies import Reply
from streams.lanes.replies import Replies


class Broker:
    """Takes what is sent; one partition does not exist, and for another nobody ever confirms."""

    def __init__(self) -> None:
        self.taken: list[int] = []

    async def start(self) -> None:
        """Connect."""

    async def stop(self) -> None:
        """Disconnect."""

    async def send(self, _topic: str, _value: bytes, partition: int) -> "asyncio.Future[None]":
        """Take a record, as aiokafka does: what becomes of it is told later."""
        assert partition != 7, "Unrecognized partition"
        self.taken.append(partition)
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if partition == 8:
            sent.set_exception(KafkaTimeoutError())
        else:
            sent.set_result(None)
        return sent


async def test_replies_that_cannot_be_sent_are_counted_and_the_others_go_out():
    """Refused at once, or not confirmed later: both are lost, and the replies behind them are sent."""
    broker = Broker()
    replies = Replies(broker, "replies")
    await replies.start()
    said = Reply("c1", "A", "POSTED", refused=False, at=0)
    replies.post([(7, said), (8, said), (1, said)])
    await until(lambda: broker.taken == [8, 1] and replies.lost == 2)
    await replies.stop()

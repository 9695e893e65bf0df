"""Opening a lane on many idle states: how fast, and what memory each account takes. Run as a process of its own.

`python -m hub.cli.lane_restore` reads partition 0 by the settings of its environment and prints one JSON document.
"""

import asyncio
import gc
import json
import sys
import time

import msgspec
import psutil
import uvloop

from hub.domain.state import encode_core, new_state
from hub.policies import load_policies
from hub.runtime.bus import durable_producer
from hub.runtime.collector import COLLECT_EVERY
from hub.runtime.logs import configure_logging
from hub.runtime.sections import CriticalSections
from hub.runtime.settings import Settings, read_settings
from schemas.ids import account_id
from streams.lanes.domain_rules import DomainRules
from streams.lanes.opening import Opening
from streams.lanes.settings import lane_settings
from streams.lanes.watermark import KEY, Watermark, encode

_TOGETHER = 2000


async def fill_idle(settings: Settings, accounts: int, size: int) -> None:
    """Write idle states of that many bytes each, and a watermark, to partition 0: what compaction leaves."""
    producer, topic = durable_producer(settings.kafka, "bench"), settings.topics.accounts.name
    await producer.start()
    empty = len(encode_core(new_state(account_id(b"m", "person", "")).core))
    for start in range(0, accounts, _TOGETHER):
        sent = []
        for number in range(start, min(start + _TOGETHER, accounts)):
            account = account_id(b"m", "person", str(number))
            core = msgspec.structs.replace(new_state(account).core, name_masked="x" * (size - empty - 2))
            sent.append(await producer.send(topic, encode_core(core), key=account.encode(), partition=0))
        await asyncio.gather(*sent)
    await producer.send_and_wait(topic, encode(Watermark()), key=KEY, partition=0)
    await producer.stop()


async def restore(settings: Settings) -> dict[str, float]:
    """Open the lane of partition 0; return accounts, how many a second, µs of CPU and bytes of memory for each."""
    lanes = lane_settings(settings)
    opening = Opening(0, lanes, DomainRules(load_policies()), CriticalSections())
    writer, consumer = lanes.producer(0), lanes.commands_consumer()
    await consumer.start()
    before, started, idle = psutil.Process().memory_info().rss, time.perf_counter(), time.process_time()
    try:
        book = await opening.open(writer, consumer)
        seconds, busy = time.perf_counter() - started, time.process_time() - idle
        grown = psutil.Process().memory_info().rss - before
    finally:
        await writer.stop()
        await consumer.stop()
    count = len(book.accounts)
    return {
        "accounts": count,
        "accounts_per_second": round(count / seconds),
        "cpu_us_per_account": round(busy / count * 1e6, 1),
        "memory_bytes_per_account": round(grown / count),
    }


def main() -> None:
    """Measure and print."""
    gc.set_threshold(*COLLECT_EVERY)
    settings = read_settings()
    configure_logging("bench", "warning", settings.log_format)
    sys.stdout.write(json.dumps(uvloop.run(restore(settings))) + "\n")


if __name__ == "__main__":
    main()

"""Keeps one embedded service for a test session: started by whichever worker needs it first, shared by all.

`python tests/service_keeper.py kafka|postgres DIRECTORY OWNER_PID`: starts the service, writes its address to
`DIRECTORY/address`, and waits until it is told to stop (SIGTERM) or the owner, the session, has ended however it did.
Then it removes the service with its data.
"""

import os
import select
import signal
import sys
from pathlib import Path
from typing import Final

from infra.errors import StartError
from infra.kafka import EmbeddedKafka
from infra.postgres import EmbeddedPostgres

_KEEPS: Final = {"log.retention.check.interval.ms": "86400000"}
"""Many tests' clocks stand in the past, and Kafka counts retention by their records: every five minutes, as it is
shipped, the broker would delete what one of them has just written and is about to read."""


def main(kind: str, directory: Path, owner: int) -> int:
    """Run until told to stop or the owner has ended; return the exit status."""
    owner_ended = os.pidfd_open(owner)
    told_to_stop, stop = os.pipe()
    signal.signal(signal.SIGTERM, lambda *_: os.write(stop, b"."))
    service = EmbeddedKafka(settings=_KEEPS) if kind == "kafka" else EmbeddedPostgres(durable=False)
    try:
        address = service.start(directory / "store")
        scratch = directory / "address.new"
        scratch.write_text(address)
        scratch.rename(directory / "address")
        select.select([owner_ended, told_to_stop], [], [])
    except StartError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        service.destroy()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))

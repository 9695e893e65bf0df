"""Prepare this machine for fast starts of Kafka: `python -m infra.kafka.warm`. Idempotent, a few seconds once.

Fetches the jars, then starts and stops a broker while Java records which classes it loads, and keeps them in a form
that loads in half the time (JEP 483). The cache is tied to jars, Java and options; when one differs Java ignores it.
"""

import sys
import tempfile
from pathlib import Path

from infra.errors import StartError
from infra.kafka.broker import EmbeddedKafka, class_cache
from infra.kafka.jars import ensure_jars

_ASSEMBLY_SECONDS = 120


def main() -> int:
    """Make the class cache when it is missing; return 0, 1 with the reason on stderr, or 130 when interrupted."""
    try:
        ensure_jars(_say)
        if not class_cache().exists():
            _say("preparing: Kafka's classes for fast starts, once, up to half a minute")
            _train()
    except StartError as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        _say("stopped; the next make begins this again")
        return 130
    return 0


def _train() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        recorded = Path(scratch) / "classes.aot"
        broker = EmbeddedKafka(record_classes=recorded)
        try:
            broker.start(Path(scratch) / "store")
            broker.stop(_ASSEMBLY_SECONDS)  # Java writes the cache while it ends
        finally:
            broker.kill()  # interrupted, it must not write into a directory that is being removed
        if recorded.exists():
            partial = class_cache().with_suffix(".new")
            partial.write_bytes(recorded.read_bytes())
            partial.replace(class_cache())


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())

"""Logs: a fixed event word and named values, nothing else.

Only keys of `ALLOWED_KEYS` are written. Any other is dropped and its name (never its value) noted, so that a person's
name, id number or card cannot leak by a careless call. Libraries' own log lines are shortened when they repeat.
"""

import logging
import sys
import time
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

ALLOWED_KEYS = frozenset(
    {
        # who speaks
        "event", "level", "timestamp", "role", "pid", "logger", "instance", "version",
        # what it is about: public handles only, never a person's data
        "account", "agreement", "bill", "charge", "command_id", "content_hash", "dead_letter", "encounter_count",
        "errand_id", "gateway", "institution", "interface", "order", "pack", "receipt_key", "source", "wire",
        # where on Kafka and in the database
        "topic", "partition", "partitions", "offset", "end_offset", "watermark", "group", "generation", "lag", "seq",
        "chain_head", "migration", "schema", "table", "day", "dependency", "book",
        # how it went
        "attempt", "bytes", "code", "count", "commands", "duplicates", "duration_ms", "exit_code", "fault", "kind",
        "latency_ms", "lines", "outcome", "position", "reason", "records", "remedy", "repeated", "restored", "retry_at",
        "signal", "state", "status", "timers", "transient", "unknown", "unsent", "wait_ms",
        # clocks, addresses, settings
        "accepted_at", "address", "city", "due_at", "now", "port", "setting", "speed", "wall",
        # the critical section a stretched run is inside of; failures of our own code
        "section", "phase", "exception", "error", "suppressed", "dropped", "text",
    }
)  # fmt: skip

_REPEATS = 5
_WINDOW_SECONDS = 10.0
_REMEMBERED = 1_000

LogFormat = Literal["json", "console"]


def configure_logging(role: str, level: str = "info", log_format: LogFormat = "json") -> None:
    """Send our logs and the libraries' to stdout, one line each; call once, before anything logs. Idempotent."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(role=role)
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(RepeatFilter())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                keep_allowed_keys,
                _renderer(log_format),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("medcredit").setLevel(level.upper())


def get_logger(name: str) -> Any:
    """Return the logger of one part of the hub; `name` without the leading `medcredit.`."""
    return structlog.stdlib.get_logger(f"medcredit.{name}")


def keep_allowed_keys(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Return the event without keys that are not allowed; their names are listed under `dropped`."""
    dropped = sorted(key for key in event if key not in ALLOWED_KEYS)
    if not dropped:
        return event
    return {**{key: value for key, value in event.items() if key in ALLOWED_KEYS}, "dropped": dropped}


class RepeatFilter(logging.Filter):
    """Lets one library message through five times in ten seconds, then once with the number left out.

    While a broker is away each aiokafka client repeats itself ten times a second; the first lines say it all. Our own
    events always pass.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether the record is written; appends the number of suppressed repeats to the first of a new window."""
        if record.name.startswith("medcredit"):
            return True
        key = (record.name, str(record.msg)[:200])
        now = time.monotonic()
        began, count = self._seen.get(key, (now, 0))
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()  # messages with numbers in them are all different
        if now - began <= _WINDOW_SECONDS:
            self._seen[key] = (began, count + 1)
            return count < _REPEATS
        self._seen[key] = (now, 1)
        if count > _REPEATS:
            record.msg = f"{record.getMessage()} (and {count - _REPEATS} more like it)"
            record.args = None
        return True


def _renderer(log_format: LogFormat) -> Any:
    if log_format == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    return structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())

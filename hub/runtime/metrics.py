"""Every metric of the hub: one registry of typed names, shown at `/metrics` by each role.

Labels hold codes and public names only, never an account: their number is bounded.
"""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

REGISTRY = CollectorRegistry()
ProcessCollector(namespace="medcredit", registry=REGISTRY)

_MESSAGE_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_BATCH_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 30)
_BATCH_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)


def exposition() -> bytes:
    """Return the current values in the Prometheus text format."""
    return bytes(generate_latest(REGISTRY))


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(f"medcredit_{name}", text, labels, registry=REGISTRY)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(f"medcredit_{name}", text, labels, registry=REGISTRY)


def _histogram(name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
    return Histogram(f"medcredit_{name}", text, labels, registry=REGISTRY, buckets=buckets)


# edge
EDGE_MESSAGES = _counter("edge_messages_total", "Inbound messages by wire and answer code.", "wire", "code")
EDGE_ANSWER_SECONDS = _histogram(
    "edge_answer_seconds", "From the last byte of a message to the first of its answer.", _MESSAGE_SECONDS, "wire"
)
EDGE_CONNECTIONS = _gauge("edge_connections", "Open inbound connections.", "wire")
DEAD_LETTERS = _counter("dead_letters_total", "Dead letters written, by interface and reason.", "interface", "reason")
SECURITY_EVENTS = _counter("security_events_total", "Messages that could not be believed.", "wire", "reason")

# the log, as edge and courier write it
LOG_REQUEST_SECONDS = _histogram(
    "log_request_seconds", "One produce request, from its sending to the broker's confirmation.", _BATCH_SECONDS
)

# account lanes
LANE_COMMANDS = _counter("lane_commands_total", "Commands decided, by outcome code.", "code")
LANE_DUPLICATES = _counter("lane_duplicates_total", "Repeats recognised: outside, relay, result.", "kind")
LANE_TIMERS = _counter("lane_timers_total", "Timers fired, by kind.", "kind")
LANE_BATCH_COMMANDS = _histogram("lane_batch_commands", "Commands in one transaction.", _BATCH_SIZES)
LANE_DECIDE_SECONDS = _histogram("lane_decide_seconds", "Deciding one batch.", _BATCH_SECONDS)
LANE_TRANSACTION_SECONDS = _histogram("lane_transaction_seconds", "From begin to commit.", _BATCH_SECONDS)
LANE_RESTORE_SECONDS = _histogram("lane_restore_seconds", "Opening one lane, restore included.", _BATCH_SECONDS)
LANE_ACCOUNTS = _gauge("lane_accounts", "Accounts a lane holds.", "partition")
LANE_LAG = _gauge("lane_lag", "Commands behind the end of the log.", "partition")
LANE_LAST_COMMIT = _gauge("lane_last_commit_timestamp_seconds", "When a lane last committed.", "partition")
LANES_OPEN = _gauge("lanes_open", "Lanes this process runs.")

# courier
COURIER_CALLS = _counter(
    "courier_calls_total", "Outbound calls, by gateway, kind and outcome.", "gateway", "kind", "outcome"
)
COURIER_CALL_SECONDS = _histogram("courier_call_seconds", "One outbound call.", _MESSAGE_SECONDS, "gateway")
COURIER_UNLISTED_CODES = _counter(
    "courier_unlisted_codes_total", "Answers with a code that is not in our table: alarm when it rises.", "gateway"
)
COURIER_RELAYS = _counter("courier_relays_total", "Commands relayed between accounts.")
COURIER_BREAKER_OPEN = _gauge("courier_breaker_open", "1 while calls to a gateway are held back.", "gateway")

# clerk
CLERK_DAYS = _counter("clerk_days_total", "Days closed by this process.")
CLERK_BEHIND = _gauge("clerk_partitions_behind", "Partitions that the closing of the next day waits for.")
CLERK_FILES = _counter("clerk_files_total", "Files of the other sides, by book and outcome.", "book", "outcome")

# projector and views
PROJECTOR_RECORDS = _counter("projector_records_total", "Records written to PostgreSQL.", "topic")
PROJECTOR_BATCH_SECONDS = _histogram("projector_batch_seconds", "One batch into PostgreSQL.", _BATCH_SECONDS)
PROJECTOR_LAG = _gauge(
    "projector_lag", "Records, transaction markers included, behind the end of a topic.", "topic", "partition"
)
VIEW_FACTS = _counter(
    "view_facts_total", "Facts read by a stream table; repeated ones are recognised.", "view", "outcome"
)

# web
WEB_REQUESTS = _counter("web_requests_total", "Requests answered, by route and status.", "route", "status")
WEB_STREAM_CLIENTS = _gauge("web_stream_clients", "Open live streams.")

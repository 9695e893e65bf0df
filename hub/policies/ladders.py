"""Durations on the wire, in wall milliseconds: query ladders, technical retries, the life of an order number.

City policy (72 h, terms, likely-credit hours) stands in the packs. These belong to the gateways' own rules (protocols
5.3, 6.3, domain 7) and never run fast; only settings for demonstrations and tests shorten them.
"""

from typing import Final, NamedTuple

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

_FIVE_MINUTES: Final = 5 * MINUTE


def _shorter(milliseconds: int, scale: float) -> int:
    return max(min(SECOND, milliseconds), round(milliseconds * scale))


class QueryLadder(NamedTuple):
    """Waits before the first, second, … query of an order whose outcome is not known; the last one repeats."""

    waits_ms: tuple[int, ...]

    def wait_ms(self, query_no: int) -> int:
        """Return the wait before the n-th query, n counted from 1."""
        return self.waits_ms[min(query_no, len(self.waits_ms)) - 1]

    def shortened(self, scale: float) -> "QueryLadder":
        """Return the same steps at `scale`."""
        return QueryLadder(tuple(_shorter(each, scale) for each in self.waits_ms))


class Ladders(NamedTuple):
    """Every duration that a decision needs and a gateway or the network dictates."""

    order_expiry_ms: int = 3 * HOUR
    """Life of an order number from its making; long enough for the four technical retries under the same number."""
    call_window_ms: int = 2 * MINUTE
    """An errand not sent within this time is not sent at all; its number lives on."""
    release_after_expiry_ms: int = 5 * MINUTE
    """NOT_EXIST frees a number only if the query left later than its expiry plus this (architecture 12)."""
    technical_retries_ms: tuple[int, ...] = (MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR)
    alipay_queries: QueryLadder = QueryLadder(
        (2 * SECOND, 3 * SECOND, 5 * SECOND, 20 * SECOND, 30 * SECOND, *(_FIVE_MINUTES,) * 24, HOUR)
    )
    """At 2, 5, 10, 30, 60 s, then every 5 min for 2 h, then hourly (protocols 5.3)."""
    unionpay_queries: QueryLadder = QueryLadder(
        (SECOND, 2 * SECOND, 4 * SECOND, 8 * SECOND, 16 * SECOND, 32 * SECOND, *(_FIVE_MINUTES,) * 6, HOUR)
    )
    """After 1, 2, 4, 8, 16, 32 s, every 5 min to 30 min, then hourly (protocols 6.3)."""
    refund_queries: QueryLadder = QueryLadder((10 * SECOND, 20 * SECOND, 30 * SECOND, *(_FIVE_MINUTES,) * 24, HOUR))
    """A refund is asked after at least 10 s (protocols 5.3)."""

    feedback_retries_ms: tuple[int, ...] = (MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, *(12 * HOUR,) * 14)
    """Waits before a message to a score source leaves again; after the last, a week later, a person looks (ours)."""

    def shortened(self, scale: float) -> "Ladders":
        """Return all of it at `scale` (0 < scale <= 1), no wait below a second that was not below it before.

        An errand may still be sent during half the life of its order number at most.
        """
        if not 0 < scale <= 1:
            raise ValueError(f"{scale} is no scale: 0 < scale <= 1")
        expiry = _shorter(self.order_expiry_ms, scale)
        return Ladders(
            order_expiry_ms=expiry,
            call_window_ms=min(self.call_window_ms, expiry // 2),
            release_after_expiry_ms=_shorter(self.release_after_expiry_ms, scale),
            technical_retries_ms=tuple(_shorter(each, scale) for each in self.technical_retries_ms),
            alipay_queries=self.alipay_queries.shortened(scale),
            unionpay_queries=self.unionpay_queries.shortened(scale),
            refund_queries=self.refund_queries.shortened(scale),
            feedback_retries_ms=tuple(_shorter(each, scale) for each in self.feedback_retries_ms),
        )

    def queries(self, channel: str) -> QueryLadder:
        """Return the ladder of a channel."""
        return self.unionpay_queries if channel == "unionpay" else self.alipay_queries


DEFAULT_LADDERS: Final = Ladders()

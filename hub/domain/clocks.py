"""City time as the domain uses it: the arithmetic of `schemas.city_time`, and the clamp of an event time."""

from schemas.city_time import DAY_MS, HOUR_MS, at_hour, city_hour, city_midnight
from schemas.commands import Instant

__all__ = ["DAY_MS", "HOUR_MS", "at_hour", "city_hour", "city_midnight", "clamped"]


def clamped(event_at: Instant, accepted_at: Instant) -> Instant:
    """Return the event time, but not before 24 h ahead of acceptance and not after it (architecture 12, closing)."""
    return max(accepted_at - DAY_MS, min(event_at, accepted_at))

"""A whole city in memory from one seed: the same seed gives the same lives and the same state hash on every run.

No broker, no database, no clock: commands, timers, relays and gateways' answers meet in one queue ordered by time.
"""

from hub.simulate.seeded.runs import Told, replay, shortened, simulate

__all__ = ["Told", "replay", "shortened", "simulate"]

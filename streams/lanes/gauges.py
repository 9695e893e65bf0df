"""What is shown of each lane of this process, for as long as it runs here."""

from collections.abc import Callable
from typing import Final

from hub.runtime import metrics

_OF_A_LANE: Final = (metrics.LANE_ACCOUNTS, metrics.LANE_LAG, metrics.LANE_LAST_COMMIT)


def show(partition: int, lag: Callable[[], int]) -> None:
    """Show a lane's lag from now on, asked for at every look: that of a lane that commits nothing grows."""
    metrics.LANE_LAG.labels(partition=str(partition)).set_function(lag)


def committed(partition: int, accounts: int) -> None:
    """Show that a lane committed just now, and how many accounts it holds."""
    metrics.LANE_ACCOUNTS.labels(partition=str(partition)).set(accounts)
    metrics.LANE_LAST_COMMIT.labels(partition=str(partition)).set_to_current_time()


def hide(partition: int) -> None:
    """Show nothing of a lane any more: its partition is another process's, or nobody's."""
    for gauge in _OF_A_LANE:
        gauge.remove(str(partition))

"""The private names of aiokafka the lanes rely on, in one place, and the exact versions they were proven with.

faust-streaming and mode-streaming host the lanes; their versions are pinned for the same reason.
"""

import asyncio
from importlib.metadata import version
from typing import Any, Final

from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.producer import sender
from aiokafka.producer.transaction_manager import TransactionManager

from schemas.errors import ConfigurationError, setting_invalid

PINNED: Final = {"aiokafka": "0.14.0", "faust-streaming": "0.15.3", "mode-streaming": "0.7.1"}
_MARKER_WAIT_SECONDS: Final = 0.003
_COURTESY_SECONDS: Final = 1.0


def check_versions() -> None:
    """Raise ConfigurationError unless the pinned versions, and the private names used here, are what is installed."""
    for package, pinned in PINNED.items():
        if version(package) != pinned:
            raise _unproven(f"{package} {version(package)}", f"install {package}=={pinned}")
    names = (
        (sender, "BACKOFF_OVERRIDE"),
        (TransactionManager, "is_in_transaction"),
        (GroupCoordinator, "_maybe_leave_group"),
    )
    for owner, name in names:
        if not hasattr(owner, name):
            raise _unproven(f"aiokafka without {owner.__name__}.{name}", "install the versions of uv.lock")


def shorten_marker_wait() -> None:
    """Wait 3 ms, not 20, for the previous transaction's markers: the 20 cost a third of the rate."""
    sender.BACKOFF_OVERRIDE = _MARKER_WAIT_SECONDS


async def abort_if_open(producer: Any) -> None:
    """Abort the producer's open transaction, waiting at most a second: a courtesy to readers, not needed for safety."""
    if producer._txn_manager.is_in_transaction():  # noqa: SLF001 - aiokafka shows it nowhere else
        await asyncio.wait_for(producer.abort_transaction(), _COURTESY_SECONDS)


async def leave_group(consumer: Any) -> None:
    """Leave the consumer group at once, waiting at most a second, so that the others need not wait for the session."""
    await asyncio.wait_for(consumer._coordinator._maybe_leave_group(), _COURTESY_SECONDS)  # noqa: SLF001 - as above


def _unproven(fault: str, remedy: str) -> ConfigurationError:
    return setting_invalid("installed packages", fault, remedy)

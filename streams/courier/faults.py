"""Why a courier stops its process, and with which status."""

from typing import Final

EXIT_STOPPED: Final = 70
"""A broken connection or a defect: the supervisor restarts with back-off; what was unfinished is delivered again."""
EXIT_UNREADABLE: Final = 78
"""An errand of our own cannot be read: a person must look, no restart."""


class CourierError(Exception):
    """The courier cannot go on; its process ends with `exit_code`, and nothing unfinished is acknowledged."""

    exit_code = EXIT_STOPPED


class UnreadableErrandError(CourierError):
    """A record of `errands` is no errand this version knows: it was written by a newer one, or is damaged."""

    exit_code = EXIT_UNREADABLE

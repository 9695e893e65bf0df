"""Why a lane stops its process, and with which status (architecture 4, fail)."""

from typing import Final

EXIT_STOPPED: Final = 70
"""Fenced, a broken connection, or a defect: the supervisor restarts with back-off."""
EXIT_INVARIANT: Final = 78
"""State and log disagree: a person must look, no restart."""


class LaneError(Exception):
    """The lane cannot go on; its process ends with `exit_code` and nothing unfinished is acknowledged."""

    exit_code = EXIT_STOPPED


class InvariantError(LaneError):
    """State, offset or log disagree, or too much is unreadable: restarting cannot help."""

    exit_code = EXIT_INVARIANT


class UndecidableError(LaneError):
    """Deciding raised an exception: a defect, to be seen; `dlq park` sets the command or timer aside.

    What was decided before it in the same batch is committed first, so the lane always stops right in front of it.
    """

"""Why a projector stops its process, and with which status (architecture 4, fail; 7)."""

from typing import Final

EXIT_STOPPED: Final = 70
"""Somebody else went on from our position, or a defect: the supervisor restarts with back-off."""
EXIT_INVARIANT: Final = 78
"""Kafka and the books disagree: a person must look, no restart."""


class ProjectionError(Exception):
    """The projector cannot go on; its process ends with `exit_code`, and nothing unfinished was written."""

    exit_code = EXIT_STOPPED


class SupersededError(ProjectionError):
    """Our position is not the stored one: a successor wrote while we were away. Start again from what is stored."""


class DisagreementError(ProjectionError):
    """The records do not continue the books: one is missing, repeated, altered or unreadable. A person must look."""

    exit_code = EXIT_INVARIANT

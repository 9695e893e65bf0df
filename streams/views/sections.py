"""Names of the views' critical sections: places where a fault proves something (`hub.runtime.sections`)."""

from typing import Final

VIEWS_AFTER_ROWS: Final = "views_after_rows"
"""The rows of a batch are written, its progress is not: read again, each row must recognise what it holds."""
VIEWS_AFTER_PROGRESS: Final = "views_after_progress"
"""Rows and progress are written, the facts are not acknowledged: read again, they must be passed over."""

"""Refusals of the API as problem details (experience 6)."""

import secrets
from collections.abc import Mapping
from typing import Literal

from adapters.api.bodies import Problem, ProblemError
from schemas.reasons import REASONS, Reason, reason_text

Language = Literal["en", "zh"]


class ApiFaultError(Exception):
    """A request is refused: the reason, and the place of the body it concerns as a JSON pointer."""

    def __init__(
        self,
        reason: Reason,
        pointer: str = "",
        parameters: Mapping[str, str] | None = None,
        *,
        status: int = 0,
        keep: bool = True,
    ) -> None:
        """`status` replaces the registry's; `keep` says whether the bytes become a dead letter."""
        super().__init__(f"{reason} {pointer}")
        self.reason = reason
        self.pointer = pointer
        self.parameters = dict(parameters or {})
        self.status = status or _refusing(REASONS[reason].status)
        self.keep = keep

    def problem(self, path: str, language: Language, trace_id: str = "") -> Problem:
        """Return the problem document; `path` is the request's, which never holds a number of a person."""
        detail = reason_text(self.reason, language, self.parameters)
        errors = [ProblemError(self.pointer, self.reason, detail)] if self.pointer else []
        return Problem(
            type=f"/docs/errors/{self.reason}",
            title=detail.partition(". ")[0].partition("。")[0],
            status=self.status,
            detail=detail,
            instance=path,
            code=self.reason,
            retriable=REASONS[self.reason].retriable,
            trace_id=trace_id or secrets.token_hex(8),
            retry_after_s=1 if self.status in (429, 503) else 0,
            errors=errors,
        )


def _refusing(status: int) -> int:
    return status if status >= 400 else 422

"""What is wrong with a resource and where: one issue of an OperationOutcome (protocols 3.5, 11 rows 41-62)."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from hub.runtime.exact_json import write_json
from schemas.dead_letters import DeadLetterInterface
from schemas.reasons import REASONS, Reason, reason_text

EXPRESSION_MAX: Final = 256
"""Characters of a fault's place: it may hold a name the sender made up, which neither answer nor letter repeats."""
REASON_SYSTEM: Final = "urn:xm:hub:reason"
_FHIR: Final[DeadLetterInterface] = "fhir"
_QUARANTINE: Final[DeadLetterInterface] = "quarantine.charge"


class Row(NamedTuple):
    """The exact answer to one kind of fault; `interface` None means that no dead letter is kept."""

    status: int
    issue: str
    interface: DeadLetterInterface | None


ROWS: Final[Mapping[Reason, Row]] = MappingProxyType(
    {
        Reason.JSON_INVALID: Row(400, "structure", _FHIR),
        Reason.BODY_TOO_LARGE: Row(413, "too-long", None),
        Reason.MEDIA_TYPE: Row(415, "not-supported", None),
        Reason.FHIR_VERSION_MISMATCH: Row(422, "structure", _FHIR),
        Reason.AUTH: Row(401, "login", None),
        Reason.SENDER_MISMATCH: Row(403, "forbidden", None),
        Reason.TYPE_UNSUPPORTED: Row(404, "not-supported", None),
        Reason.METHOD: Row(405, "not-supported", None),
        Reason.FIELD_MISSING: Row(422, "required", _FHIR),
        Reason.STATUS_INVALID: Row(422, "code-invalid", _FHIR),
        Reason.AMOUNT_SYNTAX: Row(422, "value", _FHIR),
        Reason.AMOUNT_MISSING: Row(422, "required", _FHIR),
        Reason.AMOUNT_OUT_OF_RANGE: Row(422, "value", _FHIR),
        Reason.CURRENCY: Row(422, "code-invalid", _FHIR),
        Reason.CHOICE_CONFLICT: Row(400, "structure", _FHIR),
        Reason.TIME_INVALID: Row(400, "value", _FHIR),
        Reason.RESOURCE_INVALID: Row(422, "structure", _FHIR),
        Reason.BUNDLE_MULTI_PATIENT: Row(422, "business-rule", _FHIR),
        Reason.BUNDLE_UNSUPPORTED: Row(422, "business-rule", _FHIR),
        Reason.HEADER_MISSING: Row(400, "structure", _FHIR),
        Reason.PATIENT_MISSING: Row(422, "required", _FHIR),
        Reason.SUBJECT_INVALID: Row(422, "value", _FHIR),
        Reason.IDENTITY_CONFLICT: Row(422, "business-rule", _FHIR),
        Reason.CONDITION: Row(400, "invalid", None),
        Reason.AMOUNT_MISMATCH: Row(422, "business-rule", _QUARANTINE),
        Reason.SIGN_AMBIGUOUS: Row(422, "business-rule", _QUARANTINE),
        Reason.DIALECT_UNMAPPED: Row(422, "business-rule", _QUARANTINE),
        Reason.SPLIT_TOTAL: Row(422, "business-rule", _QUARANTINE),
        Reason.SPLIT_NEGATIVE: Row(422, "value", _QUARANTINE),
        Reason.SPLIT_FIELD: Row(422, "required", _QUARANTINE),
        Reason.VISIT_UNKNOWN: Row(422, "not-found", _QUARANTINE),
        Reason.THROTTLED: Row(429, "throttled", None),
        Reason.HUB_BUSY: Row(503, "transient", None),
    }
)
_ISSUE_BY_STATUS: Final[Mapping[int, str]] = MappingProxyType(
    {400: "invalid", 401: "login", 403: "forbidden", 404: "not-found", 409: "conflict", 412: "multiple-matches",
     413: "too-long", 422: "business-rule", 429: "throttled", 503: "transient"}
)  # fmt: skip


class FhirFaultError(Exception):
    """A resource or request is refused: the reason, the element it concerns, and the answer of its row."""

    def __init__(
        self,
        reason: Reason,
        expression: str = "",
        parameters: Mapping[str, str] | None = None,
        *,
        row: Row | None = None,
    ) -> None:
        """`row` replaces the registry's answer where protocols 11 has two rows for one reason."""
        super().__init__(f"{reason} {expression}")
        self.reason = reason
        self.expression = expression[:EXPRESSION_MAX]
        self.parameters = dict(parameters or {})
        self.row = row or row_of(reason)

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how the fault crosses to and from the worker process."""
        return _restored, (self.reason, self.expression, self.parameters, self.row)

    def inside(self, prefix: str) -> "FhirFaultError":
        """Return the same fault placed inside a Bundle entry: `Bundle.entry[i]` stands before its element."""
        inner = f"{prefix}.resource.{self.expression}" if self.expression else prefix
        return FhirFaultError(self.reason, inner, self.parameters, row=self.row)

    def outcome(self, language: Literal["en", "zh"] = "en") -> dict[str, Any]:
        """Return the OperationOutcome."""
        return operation_outcome(self.reason, self.row.issue, self.expression, self.parameters, language)


def _restored(reason: Reason, expression: str, parameters: dict[str, str], row: Row) -> FhirFaultError:
    return FhirFaultError(reason, expression, parameters, row=row)


def row_of(reason: Reason) -> Row:
    """Return the answer to a reason, those the books found included; their dead letters are the lane's."""
    if reason in ROWS:
        return ROWS[reason]
    status = REASONS[reason].status
    return Row(status if status >= 400 else 422, _ISSUE_BY_STATUS.get(status, "business-rule"), None)


def operation_outcome(
    reason: Reason,
    issue: str,
    expression: str = "",
    parameters: Mapping[str, str] | None = None,
    language: Literal["en", "zh"] = "en",
) -> dict[str, Any]:
    """Return an OperationOutcome of one issue; its text never repeats content of the resource."""
    found: dict[str, Any] = {
        "severity": "error",
        "code": issue,
        "details": {
            "coding": [{"system": REASON_SYSTEM, "code": str(reason)}],
            "text": reason_text(reason, language, parameters),
        },
    }
    if expression:
        found["expression"] = [expression]
    return {"resourceType": "OperationOutcome", "issue": [found]}


def outcome_bytes(outcomes: Iterable[dict[str, Any]]) -> bytes:
    """Return several outcomes as one: their issues in order."""
    issues = [issue for outcome in outcomes for issue in outcome["issue"]]
    return write_json({"resourceType": "OperationOutcome", "issue": issues})

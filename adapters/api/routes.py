"""The API's write routes: sender, Idempotency-Key, body, the books' answer (experience 6).

The key becomes the command's id, so the account lane keeps it: a repeat gets the stored outcome, another body under the
same key is IDEMPOTENCY_KEY_REUSED.
"""

import contextlib
import re
import secrets
from typing import Any, Final, NamedTuple, cast

import msgspec
from aiohttp import web

from adapters.api.bodies import (
    AgreementBody,
    AnyBody,
    BalanceRefundBody,
    BillFreezeBody,
    BillRepaymentBody,
    BillUnfreezeBody,
    CaptureBody,
    DeathBody,
    EligibilityBody,
    FamilyAnswerBody,
    FamilyLinkBody,
    FamilyUnlinkAnswerBody,
    FamilyUnlinkBody,
    HoldBody,
    InsuranceDepositBody,
    PrepaymentBody,
    PrepaymentRefundBody,
    RepaymentBody,
    RepaymentSourcesBody,
    VoidBody,
    WithdrawalBody,
)
from adapters.api.faults import ApiFaultError, Language
from adapters.api.loss_bodies import BankCollectionBody, FeeWaiverBody, LossBody, RecoveryBody, WriteOffBody
from adapters.api.reading import Asked, read_body_as
from adapters.api.standing_bodies import (
    ConfirmationBody,
    DishonestyBody,
    InsuranceCreditBody,
    InsuranceLinkBody,
    ListingBody,
    RejectionBody,
    ReliefApprovalBody,
    ReliefBody,
    ReliefClosureBody,
    RepairBody,
    StandingBody,
    UnlistingBody,
)
from adapters.api.translate import meaning_of
from hub.runtime.durable_log import HubBusyError
from hub.runtime.exact_json import canonical_json
from hub.runtime.http_body import BodyEncodingError, BodyTooLargeError, bearer_token, language_of, read_body
from hub.runtime.http_sources import HttpSource, HttpSources
from hub.runtime.intake import Intake, Misfit
from hub.runtime.metrics import EDGE_ANSWER_SECONDS, EDGE_MESSAGES
from hub.runtime.outcomes import outcome_path, reason_of, thing_id
from hub.runtime.throttle import Throttle
from hub.runtime.wire import Inbound
from schemas.ids import message_hash, sm3_hex
from schemas.reasons import Reason
from schemas.replies import Reply

PREFIX: Final = "/api/v1"
BODY_BYTES_MAX: Final = 64 * 1024
_KEY: Final = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)
_encode = msgspec.json.Encoder().encode


class WriteRoute(NamedTuple):
    """One route: its path below the prefix, its body, and whether it moves money."""

    path: str
    body: type[AnyBody | StandingBody | LossBody]
    summary: str
    keyed: bool = True


ROUTES: Final = (
    WriteRoute("/agreements", AgreementBody, "Sign an agreement"),
    WriteRoute("/agreements/{id}/withdrawals", WithdrawalBody, "End an agreement"),
    WriteRoute("/prepayments", PrepaymentBody, "Pay in advance to an institution"),
    WriteRoute("/repayments", RepaymentBody, "Record a repayment"),
    WriteRoute("/bills/{id}/repayments", BillRepaymentBody, "Record a repayment of one bill"),
    WriteRoute("/bills/{id}/write-offs", WriteOffBody, "Give an overdue bill up: the loss is the funder's"),
    WriteRoute("/bills/{id}/fee-waivers", FeeWaiverBody, "Take back what a bill's fee still holds"),
    WriteRoute("/bills/{id}/recoveries", RecoveryBody, "Record money for a bill that was written off"),
    WriteRoute("/bills/{id}/bank-collections", BankCollectionBody, "Record what the bank collected itself"),
    WriteRoute("/insurance-deposits", InsuranceDepositBody, "Credit the personal insurance account"),
    WriteRoute("/prepayment-refunds", PrepaymentRefundBody, "Pay back what is left of a prepayment"),
    WriteRoute("/balance-refunds", BalanceRefundBody, "Pay back what was paid beyond every bill"),
    WriteRoute("/bills/{id}/freezes", BillFreezeBody, "Stop the debits of a bill"),
    WriteRoute("/bills/{id}/unfreezes", BillUnfreezeBody, "Free a frozen bill; two people are needed"),
    WriteRoute("/agreements/{id}/repayment-sources", RepaymentSourcesBody, "Consent to further sources of repayment"),
    WriteRoute("/holds", HoldBody, "Hold credit or prepayment for a stay"),
    WriteRoute("/holds/{id}/captures", CaptureBody, "Complete a hold with one charge"),
    WriteRoute("/holds/{id}/voids", VoidBody, "Give a hold back"),
    WriteRoute("/lists", ListingBody, "Put a person on the white or black list; two people are needed"),
    WriteRoute("/list-removals", UnlistingBody, "Take a person off a list; two people are needed"),
    WriteRoute("/bills/{id}/repairs", RepairBody, "Undo a wrongly recorded overdue; two people are needed"),
    WriteRoute("/approvals/{id}/confirmations", ConfirmationBody, "Confirm what somebody else proposed"),
    WriteRoute("/approvals/{id}/rejections", RejectionBody, "Drop a proposal"),
    WriteRoute("/bills/{id}/relief-cases", ReliefBody, "Ask a third party to pay a bill of a hardship patient"),
    WriteRoute("/relief-cases/{id}/approvals", ReliefApprovalBody, "Approve a relief case that somebody else opened"),
    WriteRoute("/relief-cases/{id}/closures", ReliefClosureBody, "Refuse or withdraw a relief case"),
    WriteRoute("/dishonesty-records", DishonestyBody, "Record or clear a dishonesty record"),
    WriteRoute("/insurance-links", InsuranceLinkBody, "Link an insurance card or e-health code at a counter"),
    WriteRoute("/insurance-credit-checks", InsuranceCreditBody, "Record what the insurer's credit check said"),
    WriteRoute("/family-links", FamilyLinkBody, "Ask for a family link"),
    WriteRoute("/family-links/{id}/answers", FamilyAnswerBody, "Consent to a family link, or refuse it"),
    WriteRoute("/family-links/{id}/ends", FamilyUnlinkBody, "Ask to end a family link"),
    WriteRoute("/family-links/{id}/end-answers", FamilyUnlinkAnswerBody, "Consent to its end, or refuse it"),
    WriteRoute("/deaths", DeathBody, "Record a death"),
    WriteRoute("/eligibility-checks", EligibilityBody, "Ask at check-in what is available", keyed=False),
)


class _Request(NamedTuple):
    """One request as far as it is understood."""

    route: WriteRoute
    path: str
    language: Language
    source: HttpSource
    key: str


class ApiRoutes:
    """Answers the write routes; keeps nothing between requests but the rates."""

    def __init__(self, intake: Intake, sources: HttpSources, city_key: bytes) -> None:
        """Routes share one intake."""
        self._intake = intake
        self._sources = sources
        self._city_key = city_key
        self._throttle = Throttle()

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        for route in ROUTES:
            app.router.add_post(PREFIX + route.path, self._handler(route))

    def _handler(self, route: WriteRoute) -> Any:
        async def handle(request: web.Request) -> web.Response:
            with EDGE_ANSWER_SECONDS.labels("api").time():
                answer = await self._answered(route, request)
            EDGE_MESSAGES.labels("api", str(answer.status)).inc()
            return answer

        return handle

    async def _answered(self, route: WriteRoute, request: web.Request) -> web.Response:
        language = cast("Language", language_of(request))
        source: HttpSource | None = None
        raw = b""
        try:
            source = self._sender(request)
            key = _idempotency_key(request, route)
            raw = await _body(request)
            asked = _Request(route, request.path, language, source, key)
            return await self._decided(asked, request.match_info.get("id", ""), raw)
        except ApiFaultError as fault:
            await self._keep(source, fault, raw)
            return _problem(fault, request.path, language)
        except HubBusyError:
            return _problem(ApiFaultError(Reason.HUB_BUSY), request.path, language)

    def _sender(self, request: web.Request) -> HttpSource:
        source = self._sources.by_token(bearer_token(request))
        if source is None:
            raise ApiFaultError(Reason.AUTH)
        if "api" not in source.interfaces:
            raise ApiFaultError(Reason.SENDER_MISMATCH, keep=False)
        if not self._throttle.admits(source.source_id, source.rate_per_second):
            raise ApiFaultError(Reason.THROTTLED, keep=False)
        if request.content_type != "application/json":
            raise ApiFaultError(Reason.MEDIA_TYPE, keep=False)
        return source

    async def _decided(self, asked: _Request, address: str, raw: bytes) -> web.Response:
        body, document = read_body_as(asked.route.body, raw)
        meaning = meaning_of(body, Asked(asked.source, address, self._city_key, self._intake.now()))
        # The address belongs to the content: one key used for two bills is a conflict, not a repeat.
        digest = sm3_hex(canonical_json([address, document]))
        inbound = Inbound(
            id=message_hash("api", asked.source.source_id, asked.route.path, asked.key),
            account=meaning.account,
            content_hash=digest,
            source=asked.source.source_id,
            receipt_key=message_hash("api", asked.source.source_id, asked.route.path, asked.key, digest),
            body=meaning.body,
        )
        reply = await self._intake.decide(inbound, raw, "api", asked.source.profile)
        return _answer(asked, inbound, reply)

    async def _keep(self, source: HttpSource | None, fault: ApiFaultError, raw: bytes) -> None:
        """Keep the bytes of a refused body; the refusal is told even when they cannot be kept."""
        if source is None or not raw or not fault.keep:
            return
        misfit = Misfit(
            interface="api",
            wire="api",
            source=source.source_id,
            reason=fault.reason,
            receipt_key=f"sm3:{sm3_hex(raw)[:32]}",
            raw=raw,
            reply_sent=str(fault.status),
            position=fault.pointer,
            parameters=fault.parameters,
        )
        with contextlib.suppress(HubBusyError):
            await self._intake.set_aside(misfit)


def _idempotency_key(request: web.Request, route: WriteRoute) -> str:
    """Return the key; a question that moves nothing gets one of its own."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if not route.keyed:
        return secrets.token_hex(16)
    if not _KEY.fullmatch(key):
        raise ApiFaultError(Reason.IDEMPOTENCY_KEY_MISSING, keep=False)
    return key


async def _body(request: web.Request) -> bytes:
    try:
        return await read_body(request, BODY_BYTES_MAX)
    except BodyTooLargeError:
        raise ApiFaultError(Reason.BODY_TOO_LARGE, keep=False) from None
    except BodyEncodingError:
        raise ApiFaultError(Reason.MEDIA_TYPE, keep=False) from None


def _answer(asked: _Request, inbound: Inbound, reply: Reply | None) -> web.Response:
    """Return the outcome; a repeat gets the same bytes and `Idempotency-Replayed`."""
    if reply is None:
        link = outcome_path(inbound)
        document = {"outcome": "PENDING", "id": "", "link": link}
        return _json(202, document, {"Location": link, "Retry-After": "1"})
    replayed = {"Idempotency-Replayed": "true"} if reply.repeated and asked.route.keyed else {}
    if reply.refused:
        fault = ApiFaultError(reason_of(reply), parameters=reply.parameters)
        return _problem(fault, asked.path, asked.language, inbound.id, replayed)
    status = 201 if asked.route.keyed else 200
    return _json(status, {**reply.result, "outcome": _first_outcome(reply), "id": thing_id(reply, inbound)}, replayed)


def _first_outcome(reply: Reply) -> str:
    """Return the outcome a repeat is told: the stored one, where the books name it."""
    stored = reply.result.get("outcome")
    return stored if isinstance(stored, str) else reply.code


def _problem(
    fault: ApiFaultError, path: str, language: Language, trace_id: str = "", headers: dict[str, str] | None = None
) -> web.Response:
    retry = {"Retry-After": "1"} if fault.status in (429, 503) else {}
    login = {"WWW-Authenticate": "Bearer"} if fault.status == 401 else {}
    return web.Response(
        status=fault.status,
        body=_encode(fault.problem(path, language, trace_id)),
        headers={**(headers or {}), **retry, **login, "Content-Type": "application/problem+json"},
    )


def _json(status: int, document: dict[str, Any], headers: dict[str, str]) -> web.Response:
    return web.Response(status=status, body=_encode(document), headers={**headers, "Content-Type": "application/json"})

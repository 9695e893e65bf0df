"""The FHIR routes: media type, sender, limits, translation, the books' answer (protocols 3.1)."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, cast

from aiohttp import web

from adapters.fhir.answers import BASE, CONTENT_TYPE, FhirAnswer, Language, bundle_answer, decided_answer, fault_answer
from adapters.fhir.bundle import BATCH_BYTES_MAX, Bundle, condition_value, translate_bundle
from adapters.fhir.capability import capability_statement
from adapters.fhir.context import Context
from adapters.fhir.elements import Resource
from adapters.fhir.faults import FhirFaultError, Row
from adapters.fhir.translate import TRANSLATORS, Entry, translate_body
from adapters.fhir.workers import Workers
from hub.runtime.durable_log import HubBusyError
from hub.runtime.exact_json import write_json
from hub.runtime.http_body import BodyEncodingError, BodyTooLargeError, bearer_token, language_of, read_body
from hub.runtime.http_sources import HttpSource, HttpSources
from hub.runtime.intake import Intake, Misfit
from hub.runtime.metrics import EDGE_ANSWER_SECONDS, EDGE_MESSAGES
from hub.runtime.throttle import Throttle
from schemas.commands import COMMAND_BYTES_MAX
from schemas.ids import sm3_hex
from schemas.reasons import Reason

_TYPES: Final = frozenset({"application/fhir+json", "application/json"})
_VERSIONS: Final = frozenset({"4.0", "4.0.1"})
_VERSION_ROW: Final = Row(415, "not-supported", None)


class FhirRoutes:
    """Answers `POST /fhir/R4/…`; every refusal that keeps its bytes is a durable dead letter before it is answered."""

    def __init__(self, intake: Intake, sources: HttpSources, city_key: bytes) -> None:
        """Routes share one intake; they keep nothing between requests but the worker and the rates."""
        self._intake = intake
        self._sources = sources
        self._city_key = city_key
        self._throttle = Throttle()
        self._workers = Workers()

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get(f"{BASE}/metadata", self._metadata)
        app.router.add_route("*", BASE, self._bundle)
        app.router.add_route("*", f"{BASE}/", self._bundle)
        app.router.add_route("*", f"{BASE}/{{type}}", self._create)
        app.router.add_route("*", f"{BASE}/{{type}}/{{id:.+}}", self._unsupported)
        app.on_cleanup.append(self._stop)

    async def _stop(self, _app: web.Application) -> None:
        self._workers.stop()

    async def _metadata(self, _request: web.Request) -> web.Response:
        return _response(FhirAnswer(200, capability_statement(), {}))

    async def _unsupported(self, request: web.Request) -> web.Response:
        """Answer what no route serves: other methods are refused, reading is the web role's."""
        reason = Reason.TYPE_UNSUPPORTED if request.method in ("GET", "HEAD", "POST") else Reason.METHOD
        return _response(fault_answer(FhirFaultError(reason), _language(request)))

    async def _create(self, request: web.Request) -> web.Response:
        resource_type = request.match_info["type"]
        if resource_type not in TRANSLATORS:
            return await self._unsupported(request)

        def judge(context: Context, body: bytes) -> Awaitable[FhirAnswer]:
            return self._one(resource_type, context, body)

        return await self._answered(request, COMMAND_BYTES_MAX, judge)

    async def _bundle(self, request: web.Request) -> web.Response:
        return await self._answered(request, BATCH_BYTES_MAX, self._many)

    async def _answered(
        self, request: web.Request, limit: int, judge: Callable[[Context, bytes], Awaitable[FhirAnswer]]
    ) -> web.Response:
        with EDGE_ANSWER_SECONDS.labels("fhir").time():
            answer = await self._judged(request, limit, judge)
        EDGE_MESSAGES.labels("fhir", str(answer.status)).inc()
        return _response(answer)

    async def _judged(
        self, request: web.Request, limit: int, judge: Callable[[Context, bytes], Awaitable[FhirAnswer]]
    ) -> FhirAnswer:
        context: Context | None = None
        body = b""
        try:
            context = self._context(request)
            body = await _body(request, limit)
            return await judge(context, body)
        except FhirFaultError as fault:
            return await self._refused(context, fault, body, _language(request))
        except HubBusyError:
            return fault_answer(FhirFaultError(Reason.HUB_BUSY), _language(request))

    def _context(self, request: web.Request) -> Context:
        """Return the sender's context. Raises the faults that are answered before the body is read."""
        if request.method != "POST":
            raise FhirFaultError(Reason.METHOD)
        source = self._sources.by_token(bearer_token(request))
        if source is None:
            raise FhirFaultError(Reason.AUTH)
        if "fhir" not in source.interfaces:
            raise FhirFaultError(Reason.SENDER_MISMATCH)
        if not self._throttle.admits(source.source_id, source.rate_per_second):
            raise FhirFaultError(Reason.THROTTLED)
        _check_media_type(request)
        condition = condition_value(request.headers.get("If-None-Exist", ""))
        return Context(source, self._sources, self._city_key, self._intake.now(), condition=condition)

    async def _one(self, resource_type: str, context: Context, body: bytes) -> FhirAnswer:
        entry = await self._workers.run(len(body), translate_body, resource_type, body, context)
        return await self._decided(entry, context.source)

    async def _many(self, context: Context, body: bytes) -> FhirAnswer:
        bundle = await self._workers.run(len(body), translate_bundle, body, context)
        if bundle.whole is None:
            pairs = zip(bundle.entries, bundle.resources, strict=True)
            answers = await asyncio.gather(*(self._entry(entry, resource, context) for entry, resource in pairs))
            return bundle_answer("batch", answers)
        return await self._transaction(bundle, context.source)

    async def _transaction(self, bundle: Bundle, source: HttpSource) -> FhirAnswer:
        """Answer a transaction: the books judge it as one; a refusal is the answer to the whole request."""
        if bundle.whole is None:
            raise FhirFaultError(Reason.BUNDLE_UNSUPPORTED)
        whole = bundle.whole
        reply = await self._intake.decide(whole, bundle.raw, "fhir", source.profile)
        answers = [
            decided_answer(str(resource["resourceType"]), resource, whole, reply, place=place)
            for place, resource in enumerate(bundle.resources, start=1)
        ]
        if reply is None or reply.refused:
            return answers[0]
        return bundle_answer("transaction", answers)

    async def _entry(self, entry: Entry | FhirFaultError, resource: Resource, context: Context) -> FhirAnswer:
        """Answer one entry of a batch, each alone."""
        if isinstance(entry, FhirFaultError):
            return await self._refused(context, entry, write_json(resource), "en")
        try:
            return await self._decided(entry, context.source)
        except HubBusyError:
            return fault_answer(FhirFaultError(Reason.HUB_BUSY))

    async def _decided(self, entry: Entry, source: HttpSource) -> FhirAnswer:
        reply = await self._intake.decide(entry.inbound, entry.raw, "fhir", source.profile)
        return decided_answer(entry.resource_type, entry.resource, entry.inbound, reply)

    async def _refused(
        self, context: Context | None, fault: FhirFaultError, raw: bytes, language: Language
    ) -> FhirAnswer:
        """Return the refusal once its bytes are kept; it is told even when they cannot be: the sender has them."""
        answer = fault_answer(fault, language)
        if context is None or fault.row.interface is None:
            return answer
        misfit = Misfit(
            interface=fault.row.interface,
            wire="fhir",
            source=context.source.source_id,
            reason=fault.reason,
            receipt_key=f"sm3:{sm3_hex(raw)[:32]}",
            raw=raw,
            reply_sent=str(answer.status),
            position=fault.expression,
            parameters=fault.parameters,
        )
        with contextlib.suppress(HubBusyError):
            await self._intake.set_aside(misfit)
        return answer


def _check_media_type(request: web.Request) -> None:
    """Raise MEDIA_TYPE for anything but FHIR JSON, FHIR_VERSION_MISMATCH for another version than the path's."""
    if request.content_type not in _TYPES:
        raise FhirFaultError(Reason.MEDIA_TYPE)
    for name, value in _parameters(request.headers.get("Content-Type", "")):
        if name == "fhirversion" and value not in _VERSIONS:
            raise FhirFaultError(Reason.FHIR_VERSION_MISMATCH, row=_VERSION_ROW)
        if name == "charset" and value.lower() not in ("utf-8", "utf8"):
            raise FhirFaultError(Reason.MEDIA_TYPE)


def _parameters(content_type: str) -> list[tuple[str, str]]:
    parts = [part.partition("=") for part in content_type.split(";")[1:]]
    return [(name.strip().lower(), value.strip().strip('"')) for name, _, value in parts]


async def _body(request: web.Request, limit: int) -> bytes:
    try:
        return await read_body(request, limit)
    except BodyTooLargeError:
        raise FhirFaultError(Reason.BODY_TOO_LARGE) from None
    except BodyEncodingError:
        raise FhirFaultError(Reason.MEDIA_TYPE) from None


def _language(request: web.Request) -> Language:
    return cast("Language", language_of(request))


def _response(answer: FhirAnswer) -> web.Response:
    return web.Response(
        status=answer.status,
        body=answer.body,
        headers={**answer.headers, "Content-Type": f"{CONTENT_TYPE}; charset=utf-8"},
    )

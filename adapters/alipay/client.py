"""The calls themselves: one POST an errand, and its outcome whatever happens on the way (protocols 5.3)."""

from collections.abc import Callable
from typing import Literal

import aiohttp

from adapters.alipay.access import AlipayAccess
from adapters.alipay.answers import Reading, read_answer
from adapters.alipay.calls import debit_request, query_request, refund_request
from adapters.alipay.causes import UNKNOWN
from hub.runtime.form_post import post_form
from hub.runtime.wire import CallOutcome
from schemas.commands import RecordGatewayResult
from schemas.errands import DebitErrand, QueryErrand, RefundErrand

GatewayErrand = DebitErrand | QueryErrand | RefundErrand
Operation = Literal["debit", "query", "refund", "refund_query"]


class AlipayClient:
    """Calls one Alipay endpoint. A lost or unreadable answer is an outcome, UNKNOWN, never an exception."""

    def __init__(self, access: AlipayAccess, session: aiohttp.ClientSession, wall: Callable[[], int]) -> None:
        self._access = access
        self._session = session
        self._wall = wall

    async def debit(self, errand: DebitErrand) -> CallOutcome:
        """Debit through the agreement; the same errand again is the same order at the gateway."""
        at = self._wall()
        return await self._call(errand, "debit", debit_request(self._access, errand, at), at)

    async def query(self, errand: QueryErrand) -> CallOutcome:
        """Ask what became of an order number."""
        at = self._wall()
        return await self._call(errand, "query", query_request(self._access, errand, at), at)

    async def refund(self, errand: RefundErrand) -> CallOutcome:
        """Refund part of a paid order, or ask about a refund."""
        at = self._wall()
        operation: Operation = "refund_query" if errand.query else "refund"
        return await self._call(errand, operation, refund_request(self._access, errand, at), at)

    async def _call(self, errand: GatewayErrand, operation: Operation, request: dict[str, str], at: int) -> CallOutcome:
        body = await post_form(self._session, self._access.gateway_url, request, self._access.timeout_seconds)
        refund_no = errand.refund_no if isinstance(errand, RefundErrand) else ""
        if body is None:
            reading = Reading(UNKNOWN, "NO_ANSWER")
        else:
            reading = read_answer(self._access, request["method"], body, errand.order_no, refund_no)
        result = RecordGatewayResult(
            errand_id=errand.id,
            operation=operation,
            channel="alipay",
            order_no=errand.order_no,
            status=reading.meaning.status,
            sent_wall_at=at,
            cause=reading.meaning.cause,
            gateway_code=reading.code,
            trade_no=reading.trade_no,
            amount_fen=reading.amount_fen,
            refund_no=refund_no,
            refunded_fen=reading.refunded_fen,
        )
        return CallOutcome(result, reading.fault, reading.detail, body or b"" if reading.fault else b"")

"""The calls themselves: one POST an errand, and its outcome whatever happens on the way (protocols 6.2)."""

from collections.abc import Callable
from typing import Literal

import aiohttp

from adapters.unionpay.access import UnionPayAccess
from adapters.unionpay.answers import (
    Reader,
    Reading,
    debit_answer,
    query_answer,
    read_answer,
    refund_answer,
    refund_query_answer,
)
from adapters.unionpay.calls import debit_request, query_request, refund_request
from adapters.unionpay.causes import UNKNOWN
from hub.runtime.form_post import post_form
from hub.runtime.wire import CallOutcome
from schemas.commands import RecordGatewayResult
from schemas.errands import DebitErrand, QueryErrand, RefundErrand

GatewayErrand = DebitErrand | QueryErrand | RefundErrand
Operation = Literal["debit", "query", "refund", "refund_query"]
_READERS: dict[Operation, Reader] = {
    "debit": debit_answer,
    "query": query_answer,
    "refund": refund_answer,
    "refund_query": refund_query_answer,
}


class UnionPayClient:
    """Calls one UnionPay merchant's gateway. A lost or unreadable answer is an outcome, UNKNOWN, never an exception."""

    def __init__(self, access: UnionPayAccess, session: aiohttp.ClientSession, wall: Callable[[], int]) -> None:
        self._access = access
        self._session = session
        self._wall = wall

    async def debit(self, errand: DebitErrand) -> CallOutcome:
        """Debit; 00 is accepted, not paid. The same errand again is the same order and time."""
        return await self._call(errand, "debit", self._access.trade_url, debit_request(self._access, errand))

    async def query(self, errand: QueryErrand) -> CallOutcome:
        """Ask what became of an order number."""
        return await self._call(errand, "query", self._access.query_url, query_request(self._access, errand))

    async def refund(self, errand: RefundErrand) -> CallOutcome:
        """Refund part of a paid order, or ask about a refund."""
        operation: Operation = "refund_query" if errand.query else "refund"
        url = self._access.query_url if errand.query else self._access.trade_url
        return await self._call(errand, operation, url, refund_request(self._access, errand))

    async def _call(
        self, errand: GatewayErrand, operation: Operation, url: str, request: dict[str, str]
    ) -> CallOutcome:
        at = self._wall()
        body = await post_form(self._session, url, request, self._access.timeout_seconds)
        reading = (
            Reading(UNKNOWN, "NO_ANSWER")
            if body is None
            else read_answer(self._access, body, request["orderId"], _READERS[operation])
        )
        result = RecordGatewayResult(
            errand_id=errand.id,
            operation=operation,
            channel="unionpay",
            order_no=errand.order_no,
            status=reading.meaning.status,
            sent_wall_at=at,
            cause=reading.meaning.cause,
            gateway_code=reading.code,
            trade_no=reading.trade_no,
            amount_fen=reading.amount_fen,
            refund_no=errand.refund_no if isinstance(errand, RefundErrand) else "",
        )
        return CallOutcome(result, reading.fault, reading.detail, body or b"" if reading.fault else b"")

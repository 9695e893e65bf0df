"""What both gateways have in common: outcomes become orders, answers meet trouble, control routes, the clock."""

import asyncio
import base64
import contextlib
import re
import urllib.parse
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from aiohttp import web

from adapters.sandbox import outcomes
from adapters.sandbox.bills import Bills
from adapters.sandbox.book import Attempt, Book, Order, State
from adapters.sandbox.city_time import CityTime
from adapters.sandbox.clock import SandboxClock
from adapters.sandbox.interference import Interference, Trouble
from adapters.sandbox.notifier import Notifier
from adapters.sandbox.outcomes import Notice, Outcome, Verdict, Wire
from adapters.sandbox.settings import Mix, SandboxSettings

LATE_SECONDS = 25.0
_AFTER_CLOSE_SECONDS = 8.0
_NOTICE_FIRST_SECONDS = 5.0
_ATTEMPT = re.compile(r"attempt\.(\d{1,9})")
_BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


class Scenario(StrEnum):
    """A state of the whole gateway that a control request chooses."""

    NORMAL = "normal"
    CALM = "calm"
    OUTAGE = "outage"
    MAINTENANCE = "maintenance"
    NO_NOTICES = "no_notices"
    SLOW_ANSWERS = "slow_answers"
    CUT_ANSWERS = "cut_answers"


@dataclass(frozen=True)
class Answer:
    """What one call gets back, and what happens to it on the way."""

    body: bytes
    order_no: str = ""
    operation: str = ""
    call: int = 1
    wire: Wire = Wire.PLAIN
    wait_for: asyncio.Event | None = None


class Gateway(ABC):
    """One channel. Calls are decided without a pause, so two calls for one order never interleave."""

    channel: str
    content_type: str

    def __init__(
        self,
        settings: SandboxSettings,
        clock: SandboxClock,
        gaps_s: Sequence[float],
        accepted: Callable[[int, bytes], bool],
    ) -> None:
        self.settings, self.clock = settings, clock
        self.book = Book(self.channel)
        self.notifier = Notifier(clock, settings.delay_scale, gaps_s, accepted)
        self.interference = Interference(settings.seed)
        self.times = CityTime(settings.clock_file)
        self.bills = Bills(self.book, self.times)
        self.scenario = Scenario.NORMAL
        self._tasks: set[asyncio.Task[None]] = set()

    @abstractmethod
    def answer(self, path: str, query: str, body: bytes) -> Answer:
        """Return the answer to one call and make everything it causes happen or begin."""

    @abstractmethod
    def announce(self, order: Order, state: State) -> None:
        """Begin the notices of an order that entered the state."""

    async def close(self) -> None:
        """Stop everything that still runs."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.notifier.close()

    def settle(self, order: Order) -> None:
        """Let everything planned for the order up to now happen."""
        order.settle(self.clock.now_ms(), self.announce)

    def decide(self, order_no: str, attempt: int, amount_fen: int) -> Outcome:
        """Return the outcome of an attempt under the scenario in force."""
        mix = Mix.always_success() if self.scenario is Scenario.CALM else self.settings.mix
        outcome = outcomes.decide(self.channel, self.settings.seed, order_no, attempt, amount_fen, mix)
        return replace(outcome, notice=Notice.NEVER) if self.scenario is Scenario.NO_NOTICES else outcome

    def begin(self, order: Order, attempt: int, outcome: Outcome) -> None:
        """Make the outcome of an attempt the order's: at once, or as a plan that a task follows."""
        now = self.clock.now_ms()
        order.outcome, order.code = outcome, outcome.code
        order.attempts.append(Attempt(attempt, now, outcome.verdict.value, outcome.code))
        order.state, order.plan = _planned(order, outcome, now, self.later(outcome.settles_after_s), self.later)
        self.settle(order)
        if order.plan:
            self.spawn(self._follow(order))

    def refuse_expired(self, order: Order, attempt: int, code: str) -> None:
        """Record a debit that came after its expiry: refused for ever, whatever its outcome would have been."""
        order.attempts.append(Attempt(attempt, self.clock.now_ms(), "expired", code))
        order.state, order.code, order.plan = State.CLOSED, code, []

    def expired(self, order: Order) -> bool:
        """Return whether the absolute expiry of the order is over."""
        return order.expires_at is not None and self.clock.now_ms() >= order.expires_at

    def later(self, seconds: float) -> int:
        """Return the instant so many scaled seconds from now."""
        return self.clock.now_ms() + round(seconds * self.settings.delay_scale * 1000)

    def notice_delay_s(self, order: Order, *parts: object) -> float:
        """Return the delay of a notice before scaling: seeded, between the set limits."""
        low, high = self.settings.notice_delay_s
        return low + (high - low) * outcomes.fraction(self.settings.seed, order.order_no, "delay", *parts)

    def first_call(self, order: Order) -> bool:
        """Return whether this is the first debit call that the order number ever had."""
        return order.calls["debit"] == 1

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work beside the calls until `close`."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, order: Order) -> None:
        while order.plan:
            await self.clock.until(order.plan[0][0])
            self.settle(order)

    async def call(self, request: web.Request) -> web.StreamResponse:
        """Answer one call of the merchant, with the latency and the trouble that belong to it."""
        body = await request.read()
        if self.scenario is Scenario.OUTAGE:
            return _bad_gateway()
        answer = self.answer(request.path, request.query_string, body)
        settings = self.settings
        parts = (settings.seed, answer.order_no, answer.operation, answer.call, "latency")
        await asyncio.sleep(outcomes.latency_s(settings.latency_median_ms, settings.latency_p99_ms, *parts))
        if answer.wait_for is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(answer.wait_for.wait(), _NOTICE_FIRST_SECONDS)
        return await self._send(request, answer)

    async def _send(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        rule = self.interference.for_answer(answer.order_no, answer.operation, answer.call)
        if answer.wire is Wire.BAD_GATEWAY_ONCE:
            return _bad_gateway()
        if answer.wire is Wire.LATE or self.scenario is Scenario.SLOW_ANSWERS:
            await asyncio.sleep(LATE_SECONDS * self.settings.delay_scale)
        if rule is not None and rule.trouble is Trouble.LATE:
            await asyncio.sleep(rule.seconds * self.settings.delay_scale)
        cut = answer.wire is Wire.CUT or self.scenario is Scenario.CUT_ANSWERS
        if (cut or (rule is not None and rule.trouble is Trouble.CUT)) and request.transport is not None:
            request.transport.abort()
        return web.Response(body=answer.body, headers={"Content-Type": self.content_type})

    def application(self) -> web.Application:
        """Return the routes: control below `/mock` (also below the gateway's own path), every other POST is a call."""
        app = web.Application(client_max_size=1 << 20)
        for prefix in ("", "/gateway.do"):
            app.router.add_get(f"{prefix}/mock/ledger", self._ledger)
            app.router.add_post(f"{prefix}/mock/clock", self._advance)
            app.router.add_post(f"{prefix}/mock/scenario", self._choose)
            app.router.add_post(f"{prefix}/mock/interference", self._interfere)
            app.router.add_delete(f"{prefix}/mock/interference", self._leave_alone)
        app.router.add_get("/downloadBillFile.resource", self._bill)
        app.router.add_post("/{path:.*}", self.call)
        return app

    async def _bill(self, request: web.Request) -> web.Response:
        """Hand out the bill of a day at the address that was given for it; 404 for any other."""
        day = self.bills.day_of(request.query.get("token", ""), self.clock.now_ms())
        if day is None:
            raise web.HTTPNotFound
        self.settle_all()
        return web.Response(body=self.bills.alipay(day), headers={"Content-Type": "application/zip"})

    def settle_all(self) -> None:
        """Let everything planned up to now happen, for every order."""
        for order in self.book.orders.values():
            self.settle(order)

    async def _ledger(self, _request: web.Request) -> web.Response:
        self.settle_all()
        return web.json_response(self.book.document(self.clock.now_ms()))

    async def _advance(self, request: web.Request) -> web.Response:
        try:
            self.clock.advance(float((await request.json())["advance_s"]))
        except (ValueError, KeyError, TypeError) as wrong:
            raise web.HTTPBadRequest(text=f"advance_s: seconds, not negative ({wrong})\n") from wrong
        return web.json_response({"now_wall_at": self.clock.now_ms()})

    async def _choose(self, request: web.Request) -> web.Response:
        try:
            self.scenario = Scenario((await request.json())["name"])
        except (ValueError, KeyError, TypeError) as wrong:
            raise web.HTTPBadRequest(text=f"name: one of {', '.join(Scenario)}\n") from wrong
        return web.json_response({"name": self.scenario.value})

    async def _interfere(self, request: web.Request) -> web.Response:
        try:
            self.interference.add(await request.json())
        except (ValueError, TypeError) as wrong:
            raise web.HTTPBadRequest(text=f"{wrong}\n") from wrong
        return web.json_response({"applied": self.interference.applied})

    async def _leave_alone(self, _request: web.Request) -> web.Response:
        self.interference.clear()
        return web.json_response({"applied": self.interference.applied})


def attempt_of(text: str) -> int:
    """Return n of `attempt.<n>` in a field of the merchant: plain, percent-encoded or base64url; 1 without one."""
    found = _ATTEMPT.search(urllib.parse.unquote(text)) or _ATTEMPT.search(_from_base64url(text))
    return int(found[1]) if found else 1


def _from_base64url(text: str) -> str:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except ValueError:
        return ""


def form_of(text: str) -> dict[str, str]:
    """Return the fields of form-encoded text, blank ones included. Raises ValueError for a key used twice."""
    fields: dict[str, str] = {}
    for name, value in urllib.parse.parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)):
        if name in fields:
            raise ValueError(f"{name} is given twice")
        fields[name] = value
    return fields


def _bad_gateway() -> web.Response:
    return web.Response(status=502, body=_BAD_GATEWAY, headers={"Content-Type": "text/html"})


def _planned(
    order: Order, outcome: Outcome, now: int, settles_at: int, later: Callable[[float], int]
) -> tuple[State, list[tuple[int, State]]]:
    """Return the state right after the call and what follows without any further call."""
    closes_at = order.expires_at if order.expires_at is not None else settles_at
    plans: dict[Verdict, tuple[State, list[tuple[int, State]]]] = {
        Verdict.PAID: (State.WAIT, [(now, State.PAID)]),
        Verdict.PAID_LATE: (State.WAIT, [(now, State.PAID)]),
        Verdict.PENDING_PAID: (State.WAIT, [(settles_at, State.PAID)]),
        Verdict.PENDING_CLOSED: (State.WAIT, [(min(settles_at, closes_at), State.CLOSED)]),
        Verdict.PAID_AFTER_CLOSE: (
            State.WAIT,
            [
                (min(settles_at, closes_at), State.CLOSED),
                (max(settles_at, later(outcome.settles_after_s + _AFTER_CLOSE_SECONDS)), State.PAID),
            ],
        ),
        Verdict.REFUSED: (State.REFUSED, []),
        Verdict.REFUSED_LATER: (State.REFUSED, []),
        Verdict.ABSENT: (State.ABSENT, []),
    }
    if outcome.verdict is Verdict.PENDING_PAID and settles_at > closes_at:
        return State.WAIT, [(closes_at, State.CLOSED)]
    return plans[outcome.verdict]

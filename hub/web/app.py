"""The web application: read API, live stream, page and health on one port."""

from collections.abc import Callable, Mapping

import asyncpg
from aiohttp import web

from hub.runtime.health import Check, health_app
from hub.runtime.metrics import WEB_REQUESTS
from hub.web.access import Access
from hub.web.api import PREFIX, ReadApi, add_routes
from hub.web.live import LiveState
from hub.web.problems import Handler, answer_problems
from hub.web.site import add_security_headers, add_site
from hub.web.sse import LiveStream


def web_app(
    pool: asyncpg.Pool,
    live: LiveState,
    access: Access,
    checks: Mapping[str, Check],
    alive: Callable[[], str] = lambda: "",
) -> web.Application:
    """Return the application; the live state is filled by whoever follows the topics."""
    app = web.Application(middlewares=[_count, add_security_headers, answer_problems])
    add_routes(app, ReadApi(pool, live, access).routes())
    stream = LiveStream(live, access)
    app.router.add_get(f"{PREFIX}/live", stream.handle)
    app.on_shutdown.append(lambda _app: stream.close())
    add_site(app)
    for route in health_app("web", checks, alive).router.routes():
        if route.method == "GET" and route.resource is not None:
            app.router.add_get(route.resource.canonical, route.handler)
    return app


@web.middleware
async def _count(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count answers by route (never by address: ids would be labels without bound) and status."""
    response = await handler(request)
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "unknown"
    WEB_REQUESTS.labels(route=route, status=response.status).inc()
    return response

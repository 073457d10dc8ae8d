"""What surrounds every request: an id, a bound on how many there are, a log line, metrics."""

import re
from time import perf_counter
from uuid import uuid4

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import problem_response
from app.domain.errors import OverloadedError
from app.observability import metrics

log = structlog.get_logger()

_SAFE_ID = re.compile(r"[A-Za-z0-9_.\-]{1,128}")
_UNBOUNDED = {"/health", "/health/ready", "/metrics"}


class RequestMiddleware:
    """Outermost of all. Probes and metrics are always let in.

    Parameters
    ----------
    app
        The application.
    max_concurrent
        Requests under way at once; more are refused at once rather than queued.
    """

    def __init__(self, app: ASGIApp, max_concurrent: int) -> None:
        self._app = app
        self._max_concurrent = max_concurrent
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        given = request.headers.get("x-request-id", "")
        request_id = given if _SAFE_ID.fullmatch(given) else uuid4().hex
        scope["request_id"] = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        status = 500
        started = perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
            await send(message)

        bounded = scope["path"] not in _UNBOUNDED
        try:
            if bounded and self._running >= self._max_concurrent:
                await self._refuse(request)(scope, receive, send_with_id)
            else:
                await self._run(scope, receive, send_with_id, bounded=bounded)
        finally:
            _observe(scope, status, perf_counter() - started)
            structlog.contextvars.clear_contextvars()

    async def _run(self, scope: Scope, receive: Receive, send: Send, *, bounded: bool) -> None:
        self._running += bounded
        metrics.REQUESTS_IN_PROGRESS.inc()
        try:
            await self._app(scope, receive, send)
        finally:
            self._running -= bounded
            metrics.REQUESTS_IN_PROGRESS.dec()

    def _refuse(self, request: Request) -> ASGIApp:
        return problem_response(
            request,
            503,
            OverloadedError.code,
            "The service is busy",
            f"{self._max_concurrent} requests are under way; try again.",
        )


def _observe(scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", "unmatched")
    metrics.REQUEST_SECONDS.labels(scope["method"], route, str(status)).observe(seconds)
    level = log.debug if scope["path"] in _UNBOUNDED else log.info
    level("request", method=scope["method"], route=route, status=status, ms=round(seconds * 1000, 2))

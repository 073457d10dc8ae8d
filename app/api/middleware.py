"""What surrounds every request: an id, a bound on how many there are, a log line, metrics."""

import re
from secrets import token_hex
from time import perf_counter

import structlog
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.authorisation import end_audit
from app.api.disconnect import run_while_connected
from app.api.problems import internal_problem, service_problem
from app.domain.errors import OverloadedError
from app.domain.replication import format_position
from app.observability import metrics
from app.services.admission import Gates
from app.storage.written import noted_writes

log = structlog.get_logger()

_SAFE_ID = re.compile(r"[A-Za-z0-9_.\-]{1,128}")
_METHODS = {"GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"}
CLIENT_LEFT = 499
"""In logs and metrics only: there is nobody to send it to."""
_PAGE_POLICY = (
    b"default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    b"img-src 'self' data:; font-src 'self' data:; worker-src blob:; frame-ancestors 'none'"
)
"""The API pages fetch nothing from elsewhere, not even the logo in ReDoc's bundle."""
_EVERY_HEADER = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_PAGE_HEADERS = (*_EVERY_HEADER, (b"content-security-policy", _PAGE_POLICY))
_DATA_HEADERS = (
    *_EVERY_HEADER,
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
"""Answers hold documents, and are nobody's to keep or to show within a page."""

_SEARCHES = {("POST", "/search"), ("POST", "/chunks/retrieve")}
_WRITES = {("POST", "/documents"), ("PATCH", "/documents"), ("POST", "/documents/delete")}
_UNBOUNDED = {"/health", "/health/ready", "/metrics"}


class RequestMiddleware:
    """Outermost of all. Probes and metrics are always let in.

    Parameters
    ----------
    app
        The application.
    max_concurrent
        Requests under way at once; more are refused at once rather than queued.
    gates
        What searches and writes will come to: who would be refused there is refused before anything is read.
    """

    def __init__(self, app: ASGIApp, max_concurrent: int, gates: Gates) -> None:
        self._app = app
        self._gates = gates
        self._max_concurrent = max_concurrent
        self._running = 0
        self._log = log.bind()  # once: what a name looks up for each line takes as long as to write it

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _SAFE_ID.fullmatch(given) else token_hex(16)
        scope["request_id"] = request_id
        answer = _Answer(send, request_id)
        started = perf_counter()
        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        with noted_writes() as answer.written:
            try:
                await self._handle(scope, receive, answer)
            finally:
                self._observe(scope, answer.status, perf_counter() - started)
                end_audit(scope, answer.status)
                structlog.contextvars.reset_contextvars(**bound)

    async def _handle(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        bounded = scope["path"] not in _UNBOUNDED
        try:
            self._check_room(scope, bounded=bounded)
        except OverloadedError as error:
            await service_problem(Request(scope), error)(scope, receive, answer.send)
            return
        self._running += bounded
        metrics.REQUESTS_IN_PROGRESS.inc()
        try:
            if not await run_while_connected(self._app, scope, receive, answer.send):
                answer.status = CLIENT_LEFT
        except ClientDisconnect:
            answer.status = CLIENT_LEFT
        except MemoryError:
            if answer.started:
                raise
            full = OverloadedError("There was no memory left for this request; try again, or send less at once.")
            await service_problem(Request(scope), full)(scope, receive, answer.send)
        except Exception:
            answer.status = 500
            log.exception("request_crashed")
            if answer.started:  # half an answer went out: only a broken connection tells the client
                raise
            await internal_problem(Request(scope))(scope, receive, answer.send)
        finally:
            self._running -= bounded
            metrics.REQUESTS_IN_PROGRESS.dec()

    def _check_room(self, scope: Scope, *, bounded: bool) -> None:
        if bounded and self._running >= self._max_concurrent:
            raise OverloadedError(f"{self._max_concurrent} requests are under way; try again.")
        call = (scope["method"], scope["path"])
        if call in _SEARCHES:
            self._gates.searches.check()
        elif call in _WRITES:
            self._gates.writes.check()

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        metrics.labelled(metrics.REQUEST_SECONDS, method, route, str(status)).observe(seconds)
        level = self._log.debug if scope["path"] in _UNBOUNDED else self._log.info
        level("request", method=method, route=route, status=status, ms=round(seconds * 1000, 2))


class _Answer:
    """What was sent: every answer bears the id of its request."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.started = False
        self.status = 500
        self.written: list[int] = []

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            given = message.get("headers", [])
            values = dict(given)
            is_page = values.get(b"content-type", b"").startswith(b"text/html")
            ours = [(b"x-request-id", self._request_id.encode()), *(_PAGE_HEADERS if is_page else _DATA_HEADERS)]
            if self.written:
                ours.append((b"x-write-lsn", format_position(max(self.written)).encode()))
            message["headers"] = [*given, *(header for header in ours if header[0] not in values)]
        await self._send(message)

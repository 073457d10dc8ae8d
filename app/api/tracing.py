"""A span around every request, joined to the caller's trace."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.observability.tracing import Tracing

_UNTRACED = {"/health", "/health/ready", "/metrics"}
_SERVER_ERROR = 500


class TracingMiddleware:
    """Outermost of all, so that log lines of the request can name the trace."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run a request within its span; probes and metrics have none."""
        if scope["type"] != "http" or scope["path"] in _UNTRACED:
            await self._app(scope, receive, send)
            return
        status = _SERVER_ERROR

        async def send_and_see(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with self._tracing.request(Headers(scope=scope)) as span:
            span.set_attribute("http.request.method", scope["method"])
            try:
                await self._app(scope, receive, send_and_see)
            finally:
                # Known only now; the path itself may be made of somebody's document ids.
                route = getattr(scope.get("route"), "path", "unmatched")
                span.update_name(f"{scope['method']} {route}")
                span.set_attribute("http.route", route)
                span.set_attribute("http.response.status_code", status)

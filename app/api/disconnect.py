"""A client that goes away takes its request with it: the handler is cancelled, and its statement with it."""

import asyncio
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_DISCONNECT: Message = {"type": "http.disconnect"}
_EMPTY: Message = {"type": "http.request", "body": b"", "more_body": False}
_WATCHED_AFTER = 0.02
"""Seconds from which on a request is watched: most are answered by then, and never pay for a watcher."""


async def run_while_connected(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> bool:
    """Run an application for as long as its client waits; return False if the client left first.

    The application reads the body itself. Once it has, nothing but a disconnect can come, and that is
    waited for beside it.
    """
    exchange = _Exchange(receive, send, has_body=_has_body(scope["headers"]))
    timer = asyncio.get_running_loop().call_later(_WATCHED_AFTER, exchange.begin_watching)
    try:
        await app(scope, exchange.receive, exchange.send)
    except asyncio.CancelledError:
        if not exchange.left:
            raise
        return False
    finally:
        timer.cancel()
        exchange.end_watching()
    return True


class _Exchange:
    """Receive and send of one request, listened in on."""

    def __init__(self, receive: Receive, send: Send, *, has_body: bool) -> None:
        self._receive = receive
        self._send = send
        self._unread = has_body
        self._empty_due = not has_body
        self._answered = False
        self._body_read = asyncio.Event()
        self._gone = asyncio.Event()
        self._handler = asyncio.current_task()
        self._watcher: asyncio.Task[None] | None = None
        self.left = False
        if not has_body:
            self._body_read.set()

    async def receive(self) -> Message:
        """Pass on the body; after it, a disconnect when there is one."""
        if self._unread:
            message = await self._receive()
            if message["type"] == "http.disconnect" or not message.get("more_body", False):
                self._unread = False
                self._body_read.set()
            return message
        if self._empty_due:
            self._empty_due = False
            return _EMPTY
        await self._gone.wait()
        return _DISCONNECT

    async def send(self, message: Message) -> None:
        """Pass on the answer; after its end a disconnect is no news."""
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._answered = True
        await self._send(message)

    def begin_watching(self) -> None:
        """Wait beside the handler for the client to leave."""
        self._watcher = asyncio.create_task(self._watch())

    def end_watching(self) -> None:
        """Be done, whether the handler ended by itself or was cancelled from here."""
        if self._watcher is not None:
            self._watcher.cancel()
        if self.left and self._handler is not None:
            self._handler.uncancel()

    async def _watch(self) -> None:
        """Cancel the handler when the client leaves before the answer is complete."""
        await self._body_read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone.set()
        if not self._answered and self._handler is not None:
            self.left = True
            self._handler.cancel()


def _has_body(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in headers)

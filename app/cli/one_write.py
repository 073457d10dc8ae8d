"""HTTP answers that leave in one piece: uvicorn sends the head and the body on their own, each a call of the system.

Two calls for one answer are one too many, and the client may wake for each.
"""

import asyncio
import sys
from typing import Any

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class OneWriteProtocol(HttpToolsProtocol):
    """uvicorn's protocol over a transport that gathers."""

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._gathering = _Gathering(transport)
        super().connection_made(self._gathering)  # type: ignore[arg-type]  # it has what is asked of a transport

    @override
    def on_response_complete(self) -> None:
        self._gathering.flush()  # what is counted and logged of the request comes after it, and takes time
        super().on_response_complete()

    @override
    def send_400_response(self, msg: str) -> None:
        error = sys.exc_info()[1]
        # A request that there was no room for is sound: its connection breaks off, and it may be sent again.
        if error is not None and isinstance(error.__context__, MemoryError):
            self.transport.close()
        else:
            super().send_400_response(msg)


class _Gathering:
    """A transport that sends what was written at the end of an answer, or of the turn of the event loop."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._call_soon = asyncio.get_running_loop().call_soon
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Send soon."""
        if not self._parts:
            self._call_soon(self.flush)
        self._parts.append(data)

    def close(self) -> None:
        """Send what was written, then close."""
        self.flush()
        self._transport.close()

    def flush(self) -> None:
        """Send at once."""
        parts, self._parts = self._parts, []
        if parts:
            self._transport.write(parts[0] if len(parts) == 1 else b"".join(parts))

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever else a transport has
        return getattr(self._transport, name)

"""A TCP proxy that can be slow, swallow what it gets, cut connections, or go half-open: between any two programs."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

Weather = Literal["fair", "slow", "black_hole", "half_open", "refusing"]
"""fair: passed on. slow: each piece late. black_hole: swallowed both ways, connections stay. half_open: what goes to
the server is passed on, its answers are swallowed. refusing: new connections are reset."""

_PIECE = 64 * 1024
_RESET = struct.pack("ii", 1, 0)  # linger for no time: close() sends RST


@dataclass
class Proxy:
    """Listens on ``port``, and passes on to ``target`` whatever the weather allows."""

    target: tuple[str, int]
    weather: Weather = "fair"
    delay: float = 0.2
    """Seconds by which a slow piece is late."""
    on_answer: Callable[[bytes], bool] | None = None
    """Sees what the server sends; False swallows it."""
    port: int = 0
    accepted: int = 0
    _links: set[asyncio.Task[None]] = field(default_factory=set)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        self.accepted += 1
        if self.weather == "refusing":
            _abort(writer)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            _abort(writer)
            return
        pair = {writer, far_writer}
        self._writers |= pair
        ways = {
            asyncio.create_task(self._carry(reader, far_writer, to_server=True)),
            asyncio.create_task(self._carry(far_reader, writer, to_server=False)),
        }
        self._links |= ways
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            self._links -= ways
            self._writers -= pair
            for each in pair:
                each.close()

    def cut(self) -> int:
        """Reset every connection; return how many there were."""
        count = len(self._writers) // 2
        for writer in list(self._writers):
            _abort(writer)
        return count

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, to_server: bool) -> None:
        with suppress(OSError):
            while piece := await reader.read(_PIECE):
                if self.weather == "slow":
                    await asyncio.sleep(self.delay)
                if self.weather == "black_hole" or (self.weather == "half_open" and not to_server):
                    continue
                if not to_server and self.on_answer is not None and not self.on_answer(piece):
                    continue
                writer.write(piece)
                await writer.drain()


def _abort(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection is not None:
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


@asynccontextmanager
async def proxied(host: str, port: int) -> AsyncIterator[Proxy]:
    """Put a proxy before a server."""
    proxy = Proxy((host, port))
    server = await asyncio.start_server(proxy.handle, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut()
        for link in list(proxy._links):
            link.cancel()
        await asyncio.sleep(0)

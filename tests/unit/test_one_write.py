"""Answers leave in one piece, and wholly before a connection is closed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from app.cli.one_write import OneWriteProtocol
from tests.support.waiting import eventually

WRITES: list[bytes] = []
SENT_BEFORE_THE_END: list[bool] = []


class Recording:
    """Notes what is written to a transport."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def write(self, data: bytes) -> None:
        WRITES.append(data)
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever else a transport has
        return getattr(self._transport, name)


class RecordedProtocol(OneWriteProtocol):
    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(Recording(transport))  # type: ignore[arg-type]  # it has what is asked of a transport


class CrampedProtocol(RecordedProtocol):
    @override
    def on_body(self, body: bytes) -> None:
        raise MemoryError


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for part in (b"one", b"two"):
            yield part
            await asyncio.sleep(0)

    answer = StreamingResponse(parts()) if scope["path"] == "/stream" else Response(b"x" * 10_000)
    await answer(scope, receive, send)
    SENT_BEFORE_THE_END.append(bool(WRITES))


@asynccontextmanager
async def asking(
    request: bytes, protocol: type[OneWriteProtocol] = RecordedProtocol
) -> AsyncIterator[asyncio.StreamReader]:
    config = uvicorn.Config(app, port=0, http=protocol, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())

    async def has_started() -> bool:
        return bool(server.started)

    await eventually(has_started)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.servers[0].sockets[0].getsockname()[1])
    WRITES.clear()
    writer.write(request)
    try:
        yield reader
    finally:
        writer.close()
        server.should_exit = True
        await running


async def test_head_and_body_are_one_write() -> None:
    async with asking(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n") as reader:
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(10_000)
    assert [head + body] == WRITES


async def test_an_answer_leaves_before_its_application_has_ended() -> None:
    SENT_BEFORE_THE_END.clear()
    async with asking(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n") as reader:
        await reader.read()
    assert SENT_BEFORE_THE_END == [True]


async def test_an_answer_is_whole_before_its_connection_is_closed() -> None:
    async with asking(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n") as reader:
        answer = await reader.read()
    assert answer.endswith(b"\r\n\r\n" + b"x" * 10_000)


async def test_a_stream_goes_out_as_it_comes() -> None:
    async with asking(b"GET /stream HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n") as reader:
        answer = await reader.read()
    assert answer.endswith(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
    assert len(WRITES) > 1


async def test_what_is_no_http_is_told_so() -> None:
    async with asking(b"nonsense\r\n\r\n") as reader:
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")


async def test_a_body_without_room_for_it_ends_the_connection() -> None:
    """It is not the request's fault: it must not be told that it is no HTTP."""
    async with asking(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}", CrampedProtocol) as reader:
        assert b"400" not in await reader.read()

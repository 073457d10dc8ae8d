"""Streams of documents through a real server: both directions at once, back-pressure, and clients that leave."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import orjson
import pytest

from tests.api.calls import document
from tests.faults.processes import ServiceProcess, service
from tests.support.waiting import eventually


@pytest.fixture
async def served(dsn: str) -> AsyncIterator[ServiceProcess]:
    async with service(dsn, VECTOR_SEARCH_MAINTENANCE_INTERVAL="3600") as process:
        yield process


class Stream:
    """A request under way, spoken in bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *documents: object) -> None:
        data = b"".join(orjson.dumps(one) + b"\n" for one in documents)
        self.writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        await self.writer.drain()

    async def end(self) -> None:
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()

    async def line(self) -> dict[str, Any]:
        """Return the next line of the answer; each comes as a chunk of its own."""
        async with asyncio.timeout(30):
            size = int(await self.reader.readline(), 16)
            data = await self.reader.readexactly(size + 2)
        found: dict[str, Any] = orjson.loads(data)
        return found


@asynccontextmanager
async def streaming(url: str) -> AsyncIterator[Stream]:
    """Open a stream; it is cut off when the context ends."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(
            b"POST /documents/bulk HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        async with asyncio.timeout(30):
            head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head.splitlines()[0]
        yield Stream(reader, writer)
    finally:
        writer.transport.abort()


async def names(http: httpx.AsyncClient) -> set[str]:
    return {found["id"] for found in (await http.get("/documents?limit=1000")).json()["documents"]}


async def test_what_is_acknowledged_is_durable_while_the_stream_goes_on(served: ServiceProcess) -> None:
    async with httpx.AsyncClient(base_url=served.url) as http, streaming(served.url) as stream:
        for number in range(3):
            await stream.send(document(f"d{number}"))
            assert (await stream.line())["lines"] == [number + 1, number + 1]
            assert len(await names(http)) == number + 1
        await stream.send(b"not a document".decode())
        assert (await stream.line())["line"] == 4
        await stream.end()
        assert await stream.line() == {"complete": True, "documents": 3, "chunks": 3, "refused": 1}


async def test_a_client_that_reads_nothing_before_the_end_is_served(served: ServiceProcess) -> None:
    async def body() -> AsyncIterator[bytes]:
        for number in range(4_000):
            yield orjson.dumps(document(f"d{number}", chunks=2)) + b"\n"

    async with httpx.AsyncClient(base_url=served.url, timeout=120) as http:
        headers = {"content-type": "application/x-ndjson"}
        answer = await http.post("/documents/bulk", content=body(), headers=headers)
        *acknowledged, last = [orjson.loads(line) for line in answer.content.splitlines()]
        assert last == {"complete": True, "documents": 4_000, "chunks": 8_000, "refused": 0}
        assert sum(line["documents"] for line in acknowledged) == 4_000
        assert len(acknowledged) < 1_000  # documents that come fast are written together


async def test_a_client_that_leaves_stops_the_stream_and_keeps_what_was_acknowledged(served: ServiceProcess) -> None:
    async with httpx.AsyncClient(base_url=served.url) as http:
        async with streaming(served.url) as stream:
            await stream.send(document("kept"))
            assert (await stream.line())["documents"] == 1
            stream.writer.write(b"40\r\n" + b'{"id": "half')  # a line that never ends
            await stream.writer.drain()

        async def over() -> bool:
            lines = (await http.get("/metrics")).text.splitlines()
            return "onyx_vector_search_http_requests_in_progress 1.0" in lines  # the one that asks

        await eventually(over)
        assert await names(http) == {"kept"}
        assert (await http.post("/documents", json={"documents": [document("after")]})).is_success


async def test_a_stream_waits_while_nothing_can_be_written(served: ServiceProcess, dsn: str) -> None:
    """Not in memory: what the service does not take stays with the client."""
    text = "word " * 2_000
    big = [document(f"d{number}", title=text, metadata={"text": text}) for number in range(6_000)]
    blocker = await asyncpg.connect(dsn)
    async with httpx.AsyncClient(base_url=served.url, timeout=60) as http, streaming(served.url) as stream:
        sent = 0

        async def sending() -> None:
            nonlocal sent
            for one in big:
                await stream.send(one)
                sent += 1
            await stream.end()

        before = served.memory_bytes()
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE documents IN SHARE MODE")
            task = asyncio.create_task(sending())
            held = -1
            while held != sent:
                held = sent
                await asyncio.sleep(2)
            assert sent < len(big) * 0.9
            assert served.memory_bytes() - before < 150 * 2**20  # of the 120 MB there are, as text and as documents
            assert (await http.get("/health")).is_success
        last: dict[str, Any] = {}
        while "complete" not in last:
            last = await stream.line()
        await task
        assert last == {"complete": True, "documents": 6_000, "chunks": 6_000, "refused": 0}
    await blocker.close()

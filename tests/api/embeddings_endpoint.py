"""A small HTTP server that speaks OpenAI's embeddings protocol, and can be told to misbehave."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.api.calls import base64_of


def embedding_of(text: str, dimension: int) -> list[float]:
    """Return the direction this server gives a text: the same for the same text."""
    seed = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
    numbers: list[float] = np.random.default_rng(seed).standard_normal(dimension).astype(np.float32).tolist()
    return numbers


@dataclass
class Endpoint:
    """What the server does, and what it was asked."""

    dimension: int = 8
    status: int = 200
    delay: float = 0.0
    encoding: str = "base64"
    reverse: bool = False
    raw: bytes | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    base: str = ""

    @property
    def texts(self) -> list[str]:
        """Every text that was to be embedded."""
        return [text for request in self.requests for text in request["input"]]

    def body(self, request: dict[str, Any]) -> bytes:
        """Answer as OpenAI does."""
        if self.raw is not None:
            return self.raw
        data = []
        for place, text in enumerate(request["input"]):
            numbers = embedding_of(text, self.dimension)
            shown = base64_of(numbers) if self.encoding == "base64" else numbers
            data.append({"object": "embedding", "index": place, "embedding": shown})
        return json.dumps({"object": "list", "data": data[::-1] if self.reverse else data}).encode()


@asynccontextmanager
async def embeddings_endpoint() -> AsyncIterator[Endpoint]:
    """Serve on a free port of the loopback."""
    endpoint = Endpoint()

    open_ones: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_ones[task] = writer
        with suppress(OSError, asyncio.IncompleteReadError):
            await answer(reader, writer)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        endpoint.requests.append(json.loads(await reader.readexactly(int(headers["content-length"]))))
        endpoint.keys.append(headers.get("authorization"))
        path = head.split(" ")[1]
        status = endpoint.status if path == "/v1/embeddings" else 404
        await asyncio.sleep(endpoint.delay)
        body = endpoint.body(endpoint.requests[-1]) if status == 200 else b'{"error": {"message": "no"}}'
        writer.write(
            f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\n"
            f"content-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    endpoint.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield endpoint
    finally:
        server.close()
        for task, writer in open_ones.items():
            task.cancel()
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        await asyncio.gather(*open_ones, return_exceptions=True)

"""The least that an answer over HTTP costs here: an ASGI application that does nothing else, served as the service is.

It reads the same body, makes an array of its embedding and answers with the same bytes; asked to, it also runs the same
statement on a connection of its own. What it takes bounds what any service on this server, loop and driver can reach.

It is started as ``python -m bench.bare PORT WORK``, where the file WORK holds what `Work` says, as JSON.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import asyncpg
import numpy as np
import orjson
import uvicorn
from starlette.types import Receive, Scope, Send

from app.cli.one_write import OneWriteProtocol
from app.storage.codecs import register_codecs
from app.storage.pools import SEARCH_OPTIONS
from bench.floor import Floor
from bench.processes import free_port, running
from bench.selections import OPEN
from bench.service import ROOT, Service

PARSED = "/parsed"
FETCHED = "/fetched"
_READY = "/ready"
_EMBEDDING = "embedding"


class Work(NamedTuple):
    """What is done for a question, and the answer to it.

    ``values`` are the parameters of the statement, with the word embedding in the place of one.
    """

    dsn: str
    text: str
    values: list[object]
    answer: str


class Bare:
    """A bare ASGI application."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._answer = work.answer.encode()
        self._head = {
            "type": "http.response.start",
            "status": 200,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(self._answer)).encode()),
            ],
        }
        self._connection: asyncpg.Connection | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["path"] != _READY:
            question = orjson.loads(await _body(receive))
            embedding = np.asarray(question["embedding"], dtype=np.float32)
            if scope["path"] == FETCHED:
                await self._fetch(embedding)
        await send(self._head)
        await send({"type": "http.response.body", "body": self._answer})

    async def _fetch(self, embedding: object) -> None:
        if self._connection is None:
            self._connection = await asyncpg.connect(self._work.dsn, server_settings=SEARCH_OPTIONS)
            await register_codecs(self._connection)
        values = [embedding if value == _EMBEDDING else value for value in self._work.values]
        await self._connection.fetch(self._work.text, *values)


@contextmanager
def bare(service: Service, floor: Floor, question: bytes) -> Iterator[tuple[str, int]]:
    """Serve a bare application beside a service, with its answer to a question; return its address and process."""
    vector = np.asarray(orjson.loads(question)["embedding"], dtype=np.float32)
    ((text, bound, _),) = floor.prepare(vector, OPEN, None)
    values = [_EMBEDDING if isinstance(value, np.ndarray) else value for value in bound]
    answer = service.session()(question).decode()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with TemporaryDirectory(prefix="bench-bare-") as folder:
        work = Path(folder) / "work.json"
        work.write_bytes(orjson.dumps(list(Work(service.dsn, text, values, answer))))
        command = [sys.executable, "-m", "bench.bare", str(port), str(work)]
        with running(command, url, _READY, Path(folder) / "log", cwd=ROOT) as process:
            yield url, process.pid


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message: Any = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def main() -> None:
    """Serve until stopped."""
    port, work = int(sys.argv[1]), Path(sys.argv[2])
    uvicorn.run(
        Bare(Work(*orjson.loads(work.read_bytes()))),
        port=port,
        http=OneWriteProtocol,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )


if __name__ == "__main__":
    main()

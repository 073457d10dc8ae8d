"""A service killed between commit and answer: the client comes again, and is answered as at first."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import asyncpg
import pytest
from onyx_vector_search import AsyncClient, Client
from onyx_vector_search.models import Access, Chunk, Document, DocumentHead, Update

from tests.api.calls import NEAR
from tests.faults.processes import ServiceProcess, service
from tests.faults.proxy import Proxy, proxied


@pytest.fixture
async def killing(dsn: str) -> AsyncIterator[tuple[ServiceProcess, Proxy]]:
    """A service that dies when its next answer is on the way; the answer is lost, and another service takes over."""
    async with service(dsn) as serving, proxied("127.0.0.1", serving.port) as proxy:
        yield serving, proxy


def kill_at_the_next_answer(serving: ServiceProcess, proxy: Proxy) -> "asyncio.Future[None]":
    died: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def swallow(answer: bytes) -> bool:
        if died.done():
            return True
        assert answer.startswith(b"HTTP/1.1 200"), answer
        os.kill(serving.pid, signal.SIGKILL)
        died.set_result(None)
        return False

    proxy.on_answer = swallow
    return died


async def restarted(serving: ServiceProcess, died: "asyncio.Future[None]") -> None:
    await died
    await serving.end(signal.SIGKILL)
    await serving.start()
    await serving.until_ready()


def note(name: str) -> Document:
    head = DocumentHead(id=name, access=Access(public=True, entries=[]))
    return Document(head, [Chunk(chunk_index=0, content="text", embedding=NEAR)])


async def test_every_write_of_the_asynchronous_client_gets_its_first_answer(
    killing: tuple[ServiceProcess, Proxy], dsn: str
) -> None:
    serving, proxy = killing
    async with AsyncClient(f"http://127.0.0.1:{proxy.port}") as client:
        died = kill_at_the_next_answer(serving, proxy)
        written, _ = await asyncio.gather(client.index_documents([note("a"), note("b")]), restarted(serving, died))
        assert [(each.document_id, each.already_existed) for each in written] == [("a", False), ("b", False)]
        died = kill_at_the_next_answer(serving, proxy)
        gone, _ = await asyncio.gather(client.delete_documents(["a", "nowhere"]), restarted(serving, died))
        assert [(each.document_id, each.found) for each in gone] == [("a", True), ("nowhere", False)]
    connection = await asyncpg.connect(dsn)
    assert await connection.fetch("SELECT document_id, revision FROM documents") == [("b", 1)]
    await connection.close()


async def test_every_write_of_the_blocking_client_gets_its_first_answer(
    killing: tuple[ServiceProcess, Proxy],
) -> None:
    serving, proxy = killing
    with Client(f"http://127.0.0.1:{proxy.port}") as client:
        died = kill_at_the_next_answer(serving, proxy)
        written, _ = await asyncio.gather(
            asyncio.to_thread(client.index_documents, [note("a")]), restarted(serving, died)
        )
        assert [each.already_existed for each in written] == [False]
        changed = await asyncio.to_thread(client.update_documents, [Update(document_ids=["a"], boost=1)])
        assert [each.found for each in changed] == [True]

"""A database that stops, refuses, dawdles or is full up: told by the right status, and recovered from."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest

from app import embedded
from app.storage import migrations
from tests.api.calls import NEAR, document, found, index, stored, until
from tests.conftest import make_settings, running, temporary_database

Call = Callable[[], Awaitable[httpx.Response]]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder whose server the test stops as it likes."""
    place = Path(tempfile.mkdtemp(prefix="faults-"))
    place.chmod(0o755)  # for the account that PostgreSQL runs under
    yield place / "postgres"
    if (left := embedded.find_running(place / "postgres")) is not None:
        left.stop()
    shutil.rmtree(place, ignore_errors=True)


def start(folder: Path) -> embedded.EmbeddedServer:
    """Start a server; again on the same port."""
    return embedded.start(folder, memory_bytes=2**30, durable=False)


@asynccontextmanager
async def locked_documents(dsn: str) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """Make every statement about documents wait; yield a function that waits until so many do."""
    connection = await asyncpg.connect(dsn)

    async def until_held(number: int) -> None:
        async def held() -> bool:
            waiting: int = await connection.fetchval(
                "SELECT count(DISTINCT l.pid) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database "
                "WHERE NOT l.granted AND d.datname = current_database()"
            )
            return waiting == number

        await until(held)

    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE documents")
            yield until_held
    finally:
        await connection.close()


def check(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers.get("retry-after") == ("1" if status == 503 else None)


async def health(http: httpx.AsyncClient) -> tuple[int, int]:
    """Return the statuses of liveness and readiness."""
    return (await http.get("/health")).status_code, (await http.get("/health/ready")).status_code


def calls(http: httpx.AsyncClient) -> list[Call]:
    """Return one call of every kind that needs the database."""
    return [
        lambda: http.post("/search", json={"embedding": NEAR}),
        lambda: http.post("/documents", json={"documents": [document("new")]}),
        lambda: http.patch("/documents", json={"updates": [{"document_ids": ["a"], "boost": 3}]}),
        lambda: http.post("/documents/delete", json={"document_ids": ["a"]}),
        lambda: http.post("/chunks/retrieve", json={"sections": [{"document_id": "a"}]}),
        lambda: http.get("/documents/a"),
        lambda: http.get("/documents"),
        lambda: http.get("/indexes"),
        lambda: http.put("/indexes/other", json={"embedding_dimension": 3}),
    ]


@pytest.mark.one_postgres("server")
async def test_a_database_that_stops_is_waited_for(folder: Path) -> None:
    server = await asyncio.to_thread(start, folder)
    await asyncio.to_thread(migrations.upgrade, server.dsn())
    async with running(make_settings(server.dsn())) as http:
        await index(http, document("a"))
        assert await health(http) == (200, 200)
        await asyncio.to_thread(server.stop, "immediate")
        for call in calls(http):
            check(await call(), 503, "database_unavailable")
        assert await health(http) == (200, 503)
        again = await asyncio.to_thread(start, folder)
        try:
            assert again.port == server.port
            assert await found(http) == ["a"]
            assert await health(http) == (200, 200)
            await index(http, document("b"))
            assert await found(http) == ["a", "b"]
        finally:
            await asyncio.to_thread(again.stop)


@pytest.mark.one_postgres("server")
async def test_a_service_that_starts_before_its_database_becomes_ready(folder: Path) -> None:
    server = await asyncio.to_thread(start, folder)
    await asyncio.to_thread(server.stop)
    async with running(make_settings(server.dsn())) as http:
        assert await health(http) == (200, 503)
        check(await http.post("/search", json={"embedding": NEAR}), 503, "database_unavailable")
        server = await asyncio.to_thread(start, folder)
        try:
            for _ in range(3):  # connections that were made before the schema must not stay as they are
                check(await http.post("/search", json={"embedding": NEAR}), 503, "database_unavailable")
                check(await http.get("/health/ready"), 503, "not_ready")
            await asyncio.to_thread(migrations.upgrade, server.dsn())

            async def ready() -> bool:
                return await health(http) == (200, 200)

            await until(ready)
            await index(http, document("a"))
            assert await found(http) == ["a"]
        finally:
            await asyncio.to_thread(server.stop)


async def test_connections_that_are_cut_are_replaced(dsn: str) -> None:
    async with running(make_settings(dsn)) as http:
        await index(http, document("a"))
        connection = await asyncpg.connect(dsn)
        cut = await connection.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid()"
        )
        await connection.close()
        assert len(cut) >= 3
        await asyncio.sleep(0.2)
        assert await found(http) == ["a"]
        await index(http, document("b"))
        assert await health(http) == (200, 200)


async def test_a_read_only_database_is_searched_and_not_written(
    postgres: embedded.EmbeddedServer, template: str
) -> None:
    async with temporary_database(postgres, template) as dsn:
        name = dsn.rpartition("/")[2]
        async with running(make_settings(dsn)) as http:
            await index(http, document("a"))
        owner = await asyncpg.connect(postgres.dsn())
        try:
            await owner.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            async with running(make_settings(dsn)) as http:
                search, write, update, delete, retrieve, get, listing, indexes, put = calls(http)
                for call in (write, update, delete, put):
                    check(await call(), 503, "database_read_only")
                for call in (search, retrieve, get, listing, indexes):
                    assert (await call()).status_code == 200
                same = await http.put("/indexes/documents", json={"embedding_dimension": 8})
                assert same.status_code == 200
                ready = (await http.get("/health/ready")).json()
                assert (ready["read_only"], len(ready["warnings"])) == (True, 1)
                await owner.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")

                async def writes() -> bool:
                    return (await write()).status_code == 200

                await until(writes, 5)
                assert not (await http.get("/health/ready")).json()["read_only"]
        finally:
            await owner.close()


async def test_a_service_that_starts_read_only_makes_its_index_later(
    postgres: embedded.EmbeddedServer, template: str
) -> None:
    async with temporary_database(postgres, template) as dsn:
        name = dsn.rpartition("/")[2]
        owner = await asyncpg.connect(postgres.dsn())
        try:
            await owner.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            async with running(make_settings(dsn)) as http:
                assert (await http.get("/indexes")).json() == {"indexes": []}
                await owner.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")

                async def made() -> bool:
                    return (await http.get("/indexes/documents")).status_code == 200

                await until(made)
        finally:
            await owner.close()


async def test_a_statement_that_dawdles_is_a_504(dsn: str) -> None:
    async with running(make_settings(dsn)) as http:
        await index(http, document("a"))
        async with locked_documents(dsn), running(make_settings(dsn, statement_timeout=0.3)) as hurried:
            for call in calls(hurried)[:6]:
                check(await call(), 504, "query_timeout")
        assert await found(http) == ["a"]
        assert (await stored(http, "a"))["boost"] == 0


@pytest.mark.parametrize("kind", ["search", "write"])
async def test_a_pool_that_is_used_up_is_a_503_at_once(dsn: str, kind: str) -> None:
    settings = make_settings(  # one connection for writing is kept for other work than documents
        dsn, search_connections=2, write_connections=3, max_waiting_writes=0, pool_timeout=3.0
    )
    async with running(settings) as http:
        await index(http, document("a"))
        search, write = calls(http)[:2]
        call = search if kind == "search" else write
        await asyncio.gather(call(), call())  # both connections are there
        async with locked_documents(dsn) as until_held:
            held = [asyncio.ensure_future(call()) for _ in range(2)]
            await until_held(2)
            refused = await asyncio.gather(*[call() for _ in range(5)])
            for answer in refused:
                check(answer, 503, "overloaded")
            assert await health(http) == (200, 200)
        assert [(await task).status_code for task in held] == [200, 200]
        assert (await call()).status_code == 200


async def test_more_requests_than_there_is_room_for_are_refused_at_once(dsn: str) -> None:
    async with running(make_settings(dsn, max_concurrent_requests=3)) as http:
        await index(http, document("a"))
        search = calls(http)[0]
        async with locked_documents(dsn) as until_held:
            held = [asyncio.ensure_future(search()) for _ in range(3)]
            await until_held(3)
            refused = await http.get("/indexes")
            check(refused, 503, "overloaded")
            assert refused.headers["x-request-id"]
            assert await health(http) == (200, 200)
            assert (await http.get("/metrics")).status_code == 200
        assert [(await task).status_code for task in held] == [200] * 3
        assert (await search()).status_code == 200


async def test_a_schema_that_is_older_or_newer(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        async with running(make_settings(dsn)) as http:
            assert await health(http) == (200, 200)
            await connection.execute("UPDATE alembic_version SET version_num = '9999'")
            assert await health(http) == (200, 200)
            await connection.execute("DROP TABLE alembic_version")
            check(await http.get("/health/ready"), 503, "not_ready")
    finally:
        await connection.close()

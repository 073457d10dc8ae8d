"""A search against the clock answers by less than was asked for, says so, and fails before it is late."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

import asyncpg
import httpx
import pytest

from app.storage.database import Database
from app.storage.deadlines import deadline
from tests.api.calls import NEAR, document, index, until
from tests.conftest import make_settings, running


@asynccontextmanager
async def locked(dsn: str, table: str) -> AsyncIterator[asyncpg.Connection]:
    """Make every statement about a table wait."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {table}")
            yield connection
    finally:
        await connection.close()


async def search(http: httpx.AsyncClient, **body: object) -> httpx.Response:
    return await http.post("/search", json={"limit": 5} | body)


async def test_what_there_is_no_time_for_is_left_out_and_said(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.services.hurrying._WHOLE_SHARE", 0.02)  # much is left for what can be had instead
    async with running(make_settings(dsn)) as http:
        await index(http, document("a"), document("b"))
        both = {"query": "part", "embedding": NEAR, "mode": "hybrid"}
        quick = await search(http, **both, timeout_ms=600_000)
        assert (quick.json()["mode"], quick.json()["degraded"]) == ("hybrid", [])
        async with locked(dsn, "chunk_terms"):
            answer = await search(http, **both, timeout_ms=30_000)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found["mode"] == "semantic"
        assert found["degraded"] == ["There was no time for hybrid search: ranked by the embedding alone."]
        assert {hit["document_id"] for hit in found["hits"]} == {"a", "b"}


async def test_a_search_that_is_late_fails_in_time_and_leaves_nothing_running(dsn: str) -> None:
    async with running(make_settings(dsn, search_connections=2)) as http:
        await index(http, document("a"))
        bodies: list[dict[str, object]] = [
            {"embedding": NEAR},
            {"embedding": NEAR, "exact": True},
            {"query": "part", "mode": "keyword"},
            {"query": "part", "embedding": NEAR, "mode": "hybrid"},
            {"mode": "random"},
        ]
        async with locked(dsn, "documents") as connection:
            for body in bodies:
                answer = await search(http, **body, timeout_ms=300)
                assert (answer.status_code, answer.json()["code"]) == (504, "query_timeout"), body

            async def quiet() -> bool:
                waiting: int = await connection.fetchval(
                    "SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database "
                    "WHERE NOT l.granted AND d.datname = current_database()"
                )
                return waiting == 0

            await until(quiet)
        for body in bodies:
            assert (await search(http, **body, timeout_ms=20_000)).status_code == 200


async def test_the_database_is_told_how_long_it_has(dsn: str) -> None:
    database = Database(dsn)
    await database.open()
    try:
        for seconds, least, most in ((None, 30_000, 30_000), (2.0, 1_000, 2_000)):
            with nullcontext() if seconds is None else deadline(seconds):
                async with database.session("search") as session, session.snapshot():
                    shown: int = await session._connection.fetchval(
                        "SELECT setting::integer FROM pg_settings WHERE name = 'statement_timeout'"
                    )
            assert least <= shown <= most
    finally:
        await database.close()


async def test_times_that_are_none_are_refused(client: httpx.AsyncClient) -> None:
    for refused in (0, -1, 600_001, "1s"):
        answer = await client.post("/search", json={"mode": "random", "timeout_ms": refused})
        assert answer.status_code == 422

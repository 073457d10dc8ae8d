"""A database that outgrew one PostgreSQL: filled first, spread over the nodes later."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
from typer.testing import CliRunner

from app.cli.commands import cli
from app.services.maintenance import Maintainer, MaintenanceOptions
from app.storage import migrations
from app.storage.indexes import IndexRepository
from tests.citus.test_same_answers import FILTERS, REQUESTS, ask, fill
from tests.conftest import execute, make_settings, running
from tests.support.citus import CitusCluster
from tests.support.storage import connected, opened

SHARDED = ("documents", "chunks", "chunk_embeddings", "chunk_segments", "title_embeddings", "chunk_terms")

GRAPHS = MaintenanceOptions(ann_threshold=100)


@pytest.fixture
async def plain(cluster: CitusCluster) -> AsyncIterator[str]:
    """A migrated database on all nodes that knows nothing of Citus yet; its name."""
    name = f"test_{uuid4().hex}"
    await execute(cluster, f"CREATE DATABASE {name}")
    try:
        await asyncio.to_thread(migrations.upgrade, cluster.dsn(name))
        yield name
    finally:
        await execute(cluster, f"DROP DATABASE {name} WITH (FORCE)")


async def answers(http: httpx.AsyncClient) -> dict[str, list[tuple[str, int]]]:
    """Ask all there is to ask; return the chunks found, in order."""
    return {
        f"{kind} with {name}": [(hit["document_id"], hit["chunk_index"]) for hit in await ask(http, request, filters)]
        for kind, request in REQUESTS.items()
        for name, filters in FILTERS.items()
    }


async def distribute(monkeypatch: pytest.MonkeyPatch, dsn: str) -> tuple[int, str]:
    """Run the command."""
    monkeypatch.setenv("DATABASE_URL", dsn)
    done = await asyncio.to_thread(CliRunner().invoke, cli, ["distribute"])
    return done.exit_code, str(done.exception or done.stdout)


async def test_a_filled_database_is_spread_by_a_command(
    cluster: CitusCluster, plain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn = cluster.dsn(plain)
    async with running(make_settings(dsn)) as http:
        await fill(http)
        before = await answers(http)
    assert sum(map(len, before.values())) > 10 * len(FILTERS)
    async with opened(dsn) as database:  # a graph, which is built on the shards afterwards
        assert await Maintainer(database, IndexRepository(database), GRAPHS).run_once()
    assert "no extension citus" in (await distribute(monkeypatch, dsn))[1]
    await cluster.equip(plain)
    async with running(make_settings(dsn)) as http:
        assert await answers(http) == before, "not spread yet, it is one PostgreSQL"
        assert "Stop the services" in (await distribute(monkeypatch, dsn))[1]
    assert (await distribute(monkeypatch, dsn))[0] == 0
    assert "already" in (await distribute(monkeypatch, dsn))[1]
    async with running(make_settings(dsn)) as http:
        assert await answers(http) == before
        assert (await http.get("/indexes/library")).json()["ann"]["answers_with"] is None
        await fill_more(http)
    async with opened(dsn) as database:
        assert await Maintainer(database, IndexRepository(database), GRAPHS).run_once()
        assert {"none"} in [state.ready for state in (await IndexRepository(database).ann_states()).values()]
    async with connected(dsn) as connection:
        nodes = await connection.fetchval("SELECT count(DISTINCT nodeport) FROM citus_shards WHERE shard_size > 0")
        assert nodes == len(await cluster.nodes()) - 1
        for table in SHARDED:  # nothing is left behind on the coordinator
            assert await connection.fetchval("SELECT pg_relation_size($1::text::regclass)", f"{table}_2") == 0


async def fill_more(http: httpx.AsyncClient) -> None:
    """Write, change and delete as before."""
    document = {"id": "late", "content": "late budget", "embedding": [1] * 8, "access": {"public": True}}
    late = "/documents/late?index=library"
    for method, path, body, status in (
        ("POST", "/documents", {"index": "library", "documents": [document]}, 200),
        ("PATCH", "/documents", {"index": "library", "updates": [{"document_ids": ["late"], "boost": 3}]}, 200),
        ("GET", late, None, 200),
        ("DELETE", late, None, 200),
        ("GET", late, None, 404),
    ):
        answer = await http.request(method, path, json=body)
        assert answer.status_code == status, answer.text

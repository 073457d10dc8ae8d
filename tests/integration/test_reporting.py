"""What is published between requests: sizes, wear, the state of graphs, a recall that was measured."""

import asyncio
import base64

import httpx
import numpy as np
import pytest
from prometheus_client import REGISTRY

from app.observability import metrics
from app.services.recall import GraphRecall
from app.services.reporting import IndexReporter
from app.storage.database import Database
from app.storage.indexes import IndexRepository
from app.storage.maintenance import MaintenanceRepository
from app.storage.operations import OperationsRepository
from app.storage.pools import PoolOptions

PREFIX = "onyx_vector_search"
LABELS = {"tenant": "public", "index": "documents"}
CHUNKS = 300


@pytest.fixture(autouse=True)
def _no_other_reporter(monkeypatch: pytest.MonkeyPatch) -> None:
    """One registry serves this whole process: the service's own reporter would publish what it read before."""

    async def silent(_: IndexReporter) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(IndexReporter, "run", silent)
    metrics.RECALL.clear()


def encoded(vector: np.ndarray) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


async def fill(client: httpx.AsyncClient) -> None:
    rng = np.random.default_rng(7)
    documents = [
        {"id": f"d{i}", "title": "t", "content": f"text {i}", "embedding": encoded(rng.normal(size=8))}
        for i in range(CHUNKS)
    ]
    answer = await client.post("/documents", json={"documents": documents})
    assert answer.status_code == 200, answer.text


async def build_graph(database: Database, *, m: int, ef_construction: int) -> None:
    [index] = await IndexRepository(database).list_all("public")
    async with database.dedicated_session() as session:
        await MaintenanceRepository(session).build_ann(index, m, ef_construction)


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"{PREFIX}_{name}", labels)


async def test_sizes_graph_and_recall_are_published_and_vanish_with_the_index(
    client: httpx.AsyncClient, dsn: str
) -> None:
    await fill(client)
    database = Database(dsn, PoolOptions(search_connections=2, write_connections=2))
    await database.open()
    try:
        indexes = IndexRepository(database)
        reporter = IndexReporter(OperationsRepository(database), indexes)
        async with database.session("write") as session:
            await session._connection.execute("SELECT pg_stat_force_next_flush()")
        await reporter.report()
        assert value("ann_build_progress", **LABELS) is None
        assert value("recall_estimate", **LABELS) is None
        sizes = {part: value("index_bytes", **LABELS, part=part) for part in ("embeddings", "text", "terms", "other")}
        assert all(size and size > 0 for size in sizes.values())
        assert value("index_bytes", **LABELS, part="ann") == 0

        await build_graph(database, m=16, ef_construction=100)
        await reporter.report()
        assert value("ann_build_progress", **LABELS) == 1.0
        assert (value("index_bytes", **LABELS, part="ann") or 0) > 0
        recall = value("recall_estimate", **LABELS)
        assert recall is not None
        assert 0.9 <= recall <= 1.0
        [index] = [index for index in await indexes.list_all("public") if index.name == "documents"]
        shown = reporter.recall(index)
        assert shown is not None
        assert shown.value == recall

        assert (await client.delete("/indexes/documents")).status_code in {200, 204}
        await reporter.report()
        assert reporter.recall(index) is None
        assert value("index_chunks", **LABELS) is None
        assert value("recall_estimate", **LABELS) is None
    finally:
        await database.close()


@pytest.mark.one_postgres("plans")
async def test_recall_is_what_a_worn_graph_deserves(client: httpx.AsyncClient, dsn: str) -> None:
    """The estimate falls when searches look at too little: it measures them, not the graph alone."""
    await fill(client)
    starved = Database(dsn, PoolOptions(search_connections=1, write_connections=2, ef_search=1))
    await starved.open()
    try:
        indexes = IndexRepository(starved)
        await build_graph(starved, m=2, ef_construction=4)
        [index] = [index for index in await indexes.list_all("public") if index.name == "documents"]
        async with starved.session("search") as session:
            # Sorting a few hundred rows is cheaper than the graph: a real index has more.
            await session._connection.execute("SET hnsw.iterative_scan = 'off'; SET enable_sort = 'off'")
        recalls = await GraphRecall(OperationsRepository(starved)).measure(index, "none", [1], 10, seconds=10.0)
    finally:
        await starved.close()
    assert recalls[1] < 0.5

"""Each shard has a graph: settings reach it, the maintainer builds it, and statistics come from all shards."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from app.domain.filters import Filters
from app.domain.indexes import Index
from app.domain.quantisation import RERANK_LADDER
from app.services.maintenance import Maintainer, MaintenanceOptions
from app.storage.indexes import IndexRepository
from app.storage.maintenance import MaintenanceRepository
from app.storage.nearest import NearestReader
from app.storage.operations import OperationsRepository
from app.storage.terms import TermsRepository
from tests.conftest import make_settings, running
from tests.support.citus import on_node
from tests.support.plans import open_filter, query_of
from tests.support.storage import catalog_of, connected, opened
from tests.support.waiting import eventually

CHUNKS = 600
WANTED = 200
DIMENSION = 128
A_SHARD = (
    "SELECT s.nodeport, s.shard_name FROM citus_shards AS s WHERE s.table_name = $1::text::regclass ORDER BY 2 DESC"
)


def clustered(count: int) -> NDArray[np.float32]:
    """Vectors in clusters, as embeddings are: their signs tell neighbours."""
    random = np.random.default_rng(4)
    centres = random.normal(size=(20, DIMENSION))
    vectors = centres[np.arange(count) % 20] + random.normal(scale=0.4, size=(count, DIMENSION))
    unit: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


async def filled(dsn: str) -> None:
    """Write documents of one chunk each, all with the same words."""
    random = np.random.default_rng(3)
    async with running(make_settings(dsn)) as http:
        for first in range(0, CHUNKS, 200):
            documents = [
                {"id": f"d{number}", "content": "common words", "embedding": random.normal(size=8).tolist()}
                for number in range(first, first + 200)
            ]
            answer = await http.post("/documents", json={"documents": documents})
            assert answer.status_code == 200, answer.text


async def test_the_maintainer_builds_measures_and_rebuilds(dsn: str) -> None:
    await filled(dsn)
    async with opened(dsn) as database:
        indexes = IndexRepository(database)
        assert await Maintainer(database, indexes, MaintenanceOptions(ann_threshold=CHUNKS // 2)).run_once()
        index = await catalog_of(database).get("public", None)
        assert (await indexes.ann_states())[index.index_id].ready == {"none"}
        assert index.graph is not None
        assert index.graph["chunks"] == CHUNKS
        assert index.graph["recalls"]["400"] >= 0.99

        reader = NearestReader(lambda: database.session("search"), "nearest", index, open_filter())
        query = query_of(8)
        # More than a graph gives with settings of its own, which no session's setting could have changed.
        near = await reader.nearest_ann(query, WANTED, WANTED, 400)
        exact = await reader.nearest_exact(query, WANTED)
        assert len(near) == len(exact) == WANTED
        assert len({row["document_key"] for row in near} & {row["document_key"] for row in exact}) >= 0.99 * WANTED

        size = await TermsRepository(database).size(index)
        assert (size.chunks, size.analysed_chunks) == (CHUNKS, CHUNKS)
        assert set((await TermsRepository(database).frequencies(index)).values()) == {1.0}
        [health] = await OperationsRepository(database).index_health(10)
        assert health.chunks == CHUNKS
        assert min(health.bytes.values()) > 0

        async with database.dedicated_session() as session:
            repository = MaintenanceRepository(session)
            await repository.rebuild_ann(index, 24, 80)
            assert not (await repository.graph_wear(index)).leftover
        assert len(await reader.nearest_ann(query, WANTED, WANTED, 400)) == WANTED


async def test_a_dropped_index_leaves_no_shard(dsn: str) -> None:
    await filled(dsn)
    async with running(make_settings(dsn)) as http:
        answer = await http.delete("/indexes/documents")
        assert answer.status_code in {200, 204}, answer.text
    async with connected(dsn) as connection:
        left = await connection.fetchval("SELECT count(*) FROM citus_shards WHERE table_name::text ~ '\\d$'")
        assert left == 0


async def test_the_progress_of_a_build_is_that_of_all_shards(dsn: str) -> None:
    """Who writes to a shard keeps its graph from being built; those of the others are there meanwhile."""
    await filled(dsn)
    async with opened(dsn) as database, connected(dsn) as connection:
        indexes = IndexRepository(database)
        index = await catalog_of(database).get("public", None)
        port, shard = await connection.fetchrow(A_SHARD, f"chunk_embeddings_{index.index_id}")
        async with connected(on_node(dsn, f"{urlsplit(dsn).hostname}:{port}")) as worker:
            writing = worker.transaction()
            await writing.start()
            await worker.execute("SET citus.enable_manual_changes_to_shards = on")
            await worker.execute(f"LOCK TABLE {shard} IN ROW EXCLUSIVE MODE")
            options = MaintenanceOptions(ann_threshold=CHUNKS // 2)
            building = asyncio.create_task(Maintainer(database, indexes, options).run_once())

            async def partly() -> bool:
                assert not building.done()
                state = (await indexes.ann_states()).get(index.index_id)
                return state is not None and state.state == "building" and 0.0 < state.progress < 1.0

            await eventually(partly)
            assert await catalog_of(database).answering_graph(index) is None
            await writing.rollback()
        assert await building
        state = (await indexes.ann_states())[index.index_id]
        assert (state.state, state.progress) == ("ready", 1.0)


async def bits(dsn: str) -> Index:
    """Fill an index that asks for a bit-quantised graph, and have that built."""
    vectors = clustered(CHUNKS)
    async with running(make_settings(dsn)) as http:
        body = {"embedding_dimension": DIMENSION, "access_control": False, "ann": {"quantisation": "bit"}}
        made = await http.put("/indexes/bits", json=body)
        assert made.status_code == 201, made.text
        for first in range(0, CHUNKS, 200):
            documents = [
                {"id": f"d{number}", "content": "words", "source_type": "web" if number % 3 else "slack"}
                | {"embedding": vectors[number].tolist()}
                for number in range(first, first + 200)
            ]
            answer = await http.post("/documents", json={"index": "bits", "documents": documents})
            assert answer.status_code == 200, answer.text
    async with opened(dsn) as database:
        options = MaintenanceOptions(ann_threshold=CHUNKS // 2)
        assert await Maintainer(database, IndexRepository(database), options).run_once()
        return await catalog_of(database).get("public", "bits")


async def test_bit_quantised_graphs_answer_after_reranking(dsn: str, one_dsn: str) -> None:
    """As near as those of one PostgreSQL, filtered or not; with everything reranked, what measuring finds."""
    recalls: dict[str, list[float]] = {}
    answers: dict[str, list[list[dict[str, Any]]]] = {}
    for place in (dsn, one_dsn):
        index = await bits(place)
        async with running(make_settings(place)) as http, opened(place) as database:
            assert set(index.recalls("bit")) == set(RERANK_LADDER)
            assert max(index.recalls("bit").values()) >= 0.99
            assert await catalog_of(database).answering_graph(index) == "bit"
            for filters in (Filters(), Filters(source_type=("web",))):
                reader = NearestReader(lambda: database.session("search"), "nearest", index, open_filter(filters))
                for query in clustered(CHUNKS)[::30] + np.float32(0.01):
                    exact = await reader.nearest_exact(query, 10)
                    near = await reader.nearest_bit_ann(query, 10, 50, 100, 100)
                    found = {row["document_key"] for row in near} & {row["document_key"] for row in exact}
                    recalls.setdefault(place, []).append(len(found) / 10)
                    whole = await reader.nearest_bit_ann(query, 10, CHUNKS, CHUNKS, 1000)
                    assert [row["document_id"] for row in whole] == [row["document_id"] for row in exact]
            answers[place] = [await asked(http, query) for query in clustered(CHUNKS)[::60]]
    assert [np.mean(found) >= 0.95 for found in recalls.values()] == [True, True], recalls
    for ours, theirs in zip(answers[dsn], answers[one_dsn], strict=True):
        assert [hit["document_id"] for hit in ours] == [hit["document_id"] for hit in theirs]
        assert [hit["score"] for hit in ours] == pytest.approx([hit["score"] for hit in theirs], rel=1e-6)


async def asked(http: httpx.AsyncClient, query: NDArray[np.float32]) -> list[dict[str, Any]]:
    """Search over HTTP."""
    body = {"index": "bits", "embedding": query.tolist(), "limit": 5}
    answer = await http.post("/search", json=body)
    assert answer.status_code == 200, answer.text
    hits: list[dict[str, Any]] = answer.json()["hits"]
    return hits

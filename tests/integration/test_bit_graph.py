"""Bit-quantised graphs: their plans, what they find, how one replaces another, and where they do not suffice."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from app.domain.documents import PUBLIC, Chunk, Document
from app.domain.filters import Filters
from app.domain.indexes import Index, IndexSettings
from app.domain.planning import Prices
from app.domain.quantisation import RERANK_LADDER, USEFUL, Quantisation
from app.services.maintenance import Maintainer, MaintenanceOptions
from app.services.nearest import Wanted
from app.services.planning import NearestPlanner
from app.services.statistics import IndexStatistics
from app.storage.database import Database
from app.storage.indexes import IndexRepository
from app.storage.nearest import Rows
from app.storage.search import SearchRepository
from app.storage.terms import TermsRepository
from tests.conftest import make_settings, running
from tests.support.plans import nodes, open_filter, plan_of, used_indexes
from tests.support.storage import catalog_of, connected, indexing_of, make_index, opened
from tests.support.waiting import eventually

DIMENSION = 256
CLUSTERED = 3_000
Vectors = NDArray[np.float32]


def unit(vectors: NDArray[np.float64]) -> Vectors:
    found: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return found


def clustered(count: int) -> Vectors:
    """Vectors whose signs tell neighbours: in clusters, as embeddings are."""
    source = np.random.default_rng(3)
    centres = source.normal(size=(60, DIMENSION))
    return unit(centres[np.arange(count) * 60 // count] + source.normal(scale=0.4, size=(count, DIMENSION)))


def one_sided(count: int) -> Vectors:
    """Vectors whose signs tell nothing: all numbers are positive."""
    source = np.random.default_rng(4)
    return unit(1.0 + source.normal(scale=0.05, size=(count, DIMENSION)))


def documents(vectors: Vectors) -> list[Document]:
    return [
        Document(
            id=f"document {number}",
            semantic_identifier="A document",
            access=PUBLIC,
            source_type="web" if number % 2 else "slack",
            document_sets=("tenth",) if number % 10 == 0 else (),
            chunks=tuple(Chunk(place, f"{place} of {number}", vectors[number * 10 + place]) for place in range(10)),
        )
        for number in range(len(vectors) // 10)
    ]


async def filled(database: Database, vectors: Vectors, quantisation: Quantisation = "bit") -> Index:
    """Make an index, fill it, and have the maintainer build and measure its graph."""
    await make_index(database, "bits", dimension=DIMENSION, quantisation=quantisation, access_control=False)
    await indexing_of(database).write("public", "bits", documents(vectors))
    await look(database)
    return await catalog_of(database).get("public", "bits")


async def look(database: Database) -> None:
    """Let the maintainer look once."""
    options = MaintenanceOptions(ann_threshold=1000)
    assert await Maintainer(database, IndexRepository(database), options).run_once()


# Not by pg_indexes: it looks definitions up, and fails when one of them is just being dropped.
_GRAPHS = """
SELECT c.relname FROM pg_class AS c JOIN pg_am AS a ON a.oid = c.relam WHERE a.amname = 'hnsw' AND c.relkind = 'i'
"""


async def graphs(dsn: str) -> set[str]:
    """The HNSW graphs there are."""
    async with connected(dsn) as connection:
        rows = await connection.fetch(_GRAPHS)
    return {row["relname"].rpartition("_")[0] for row in rows}


def keys(rows: Rows) -> set[tuple[str, int]]:
    return {(row["document_id"], row["chunk_index"]) for row in rows}


class Searcher:
    """Asks one index through the planner."""

    def __init__(self, database: Database, index: Index) -> None:
        self.index = index
        self.vectors = clustered(CLUSTERED)
        self.search = SearchRepository(database)
        self.planner = NearestPlanner(catalog_of(database), IndexStatistics(TermsRepository(database)), 100)

    async def ask(
        self, query: Vectors, filters: Filters, limit: int = 10, min_recall: float | None = None
    ) -> tuple[str, float, dict[str, Any]]:
        """Return the strategy, the recall and what is explained of a search."""
        values = open_filter(filters)
        reader = self.search.reader(self.index, values)
        is_open = filters == Filters()
        wanted = Wanted(query, limit, is_open, min_recall=min_recall, indexed=not is_open)
        found = await self.planner.find(reader, await self.planner.standing(self.index), values, wanted)
        exact = keys(await reader.nearest_exact(query, limit))
        return found.strategy, len(keys(found.rows) & exact) / len(exact), found.explained()


def queries(vectors: Vectors, count: int) -> list[Vectors]:
    source = np.random.default_rng(9)
    places = source.integers(len(vectors), size=count)
    return list(unit(vectors[places] + source.normal(scale=0.02, size=(count, DIMENSION))))


@pytest.fixture
async def library(dsn: str) -> AsyncIterator[tuple[Database, Index]]:
    async with opened(dsn) as database:
        yield database, await filled(database, clustered(CLUSTERED))


FILTERS = {"open": Filters(), "half": Filters(source_type=("web",)), "metadata": Filters(metadata={"a": 1})}


@pytest.mark.one_postgres("plans")
@pytest.mark.parametrize("name", ["search/semantic_bit_ann", "search/nearest_bit_ann"])
async def test_the_bit_graph_is_used_and_bounds_the_rows(library: tuple[Database, Index], name: str) -> None:
    database, index = library
    for filters in FILTERS.values():
        values = open_filter(filters) | {"embedding": clustered(CLUSTERED)[7], "limit": 10}
        values |= {"candidate_limit": 50, "rerank_limit": 200, "ef_search": "200"}
        plan = await plan_of(database, name, index, values)
        assert f"chunk_embeddings_bit_hnsw_{index.index_id}" in used_indexes(plan), filters
        for node in nodes(plan):
            if "Relation Name" in node:
                looked_at = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
                bound = 200 if node["Relation Name"].startswith("chunk_embeddings") else 60
                assert looked_at * node["Actual Loops"] <= bound, (filters, node)


async def test_reranked_candidates_are_what_measuring_finds(
    library: tuple[Database, Index], monkeypatch: pytest.MonkeyPatch
) -> None:
    database, index = library
    assert index.recalls("bit").keys() == index.wide_recalls().keys() == set(RERANK_LADDER)
    assert index.recalls("none") == {}
    # A head of the graph is cheap at first, so that it is taken whatever this machine makes of other ways.
    monkeypatch.setattr("app.services.planning.Prices", partial(Prices, head=1e-7))
    for filters, expected in ((Filters(), "bit_ann"), (Filters(source_type=("web",)), "bit_post_filter")):
        searcher = Searcher(database, index)
        recalls, strategies = [], set()
        for query in queries(searcher.vectors, 40):
            strategy, recall, explained = await searcher.ask(query, filters)
            strategies.add(strategy)
            recalls.append(recall)
            step = explained["taken"][-1]
            if strategy == expected:
                assert step["reranked"] >= step["width"] * explained["oversampling"] - 1
        assert expected in strategies
        assert np.mean(recalls) >= 0.97, (filters, strategies)


async def test_where_signs_tell_nothing_searches_do_without_the_graph(dsn: str) -> None:
    """A graph that was there before goes on, and one that finds too little is not built again and again."""
    vectors = one_sided(RERANK_LADDER[-1] * 3 // 2)  # or all of them would be reranked
    async with opened(dsn) as database:
        index = await filled(database, vectors, "none")
        settings = IndexSettings(DIMENSION, quantisation="bit")
        await catalog_of(database).put("public", "bits", settings)
        for _ in range(3):
            await look(database)
        index = await catalog_of(database).get("public", "bits")
        assert max(index.recalls("bit").values()) < USEFUL, "or this is no such data"
        assert await graphs(dsn) == {"chunk_embeddings_hnsw", "chunk_embeddings_bit_hnsw"}
        assert await catalog_of(database).answering_graph(index) == "none"
        async with connected(dsn) as connection:
            await connection.execute(f"DROP INDEX chunk_embeddings_hnsw_{index.index_id}")
        assert await catalog_of(database).answering_graph(index) is None
        searcher = Searcher(database, index)
        for query in queries(vectors, 3):
            assert (await searcher.ask(query, Filters(), min_recall=0.99))[:2] == ("exact", 1.0)
            assert not (await searcher.ask(query, Filters()))[0].startswith("bit_")


def body(number: int, vectors: Vectors) -> dict[str, Any]:
    return {"id": f"document {number}", "content": f"text {number}", "embedding": vectors[number].tolist()}


async def put(client: httpx.AsyncClient, quantisation: str) -> dict[str, Any]:
    wanted = {"embedding_dimension": DIMENSION, "access_control": False, "ann": {"quantisation": quantisation}}
    answer = await client.put("/indexes/switching", json=wanted)
    assert answer.status_code in {200, 201}, answer.text
    shown: dict[str, Any] = answer.json()["ann"]
    return shown


async def test_one_graph_takes_the_place_of_the_other_while_all_go_on(dsn: str) -> None:
    vectors = clustered(400)
    async with running(make_settings(dsn, ann_threshold=200, maintenance_interval=0.1)) as client:
        assert (await put(client, "none"))["answers_with"] is None
        for start in range(0, 300, 100):
            await write(client, [body(number, vectors) for number in range(start, start + 100)])
        await eventually(lambda: is_settled(client, "none"))
        before = await graphs(dsn)
        going = asyncio.create_task(keep_searching(client, vectors))
        for quantisation in ("bit", "none", "bit"):
            shown = await put(client, quantisation)
            assert (shown["state"], shown["quantisation"]) == ("ready", quantisation), "the old one answers"
            await write(client, [body(number, vectors) for number in range(300, 400)])
            await eventually(lambda quantisation=quantisation: is_settled(client, quantisation))  # type: ignore[misc]
            await eventually(lambda: only_one(dsn))
        assert before == {"chunk_embeddings_hnsw"}
        assert await graphs(dsn) == {"chunk_embeddings_bit_hnsw"}
        assert not going.done(), going
        going.cancel()
        question = {"index": "switching", "embedding": vectors[350].tolist(), "limit": 1, "exact": False}
        (hit,) = (await client.post("/search", json=question)).json()["hits"]
        assert hit["document_id"] == "document 350", "what was written meanwhile is found"


async def write(client: httpx.AsyncClient, written: Sequence[dict[str, Any]]) -> None:
    answer = await client.post("/documents", json={"index": "switching", "documents": list(written)})
    assert answer.status_code == 200, answer.text


async def keep_searching(client: httpx.AsyncClient, vectors: Vectors) -> None:
    while True:
        for number in range(0, 300, 7):
            question = {"index": "switching", "embedding": vectors[number].tolist(), "limit": 1}
            answer = await client.post("/search", json=question)
            assert answer.status_code == 200, answer.text
            assert [hit["document_id"] for hit in answer.json()["hits"]] == [f"document {number}"]
            await asyncio.sleep(0.01)


async def is_settled(client: httpx.AsyncClient, quantisation: str) -> bool:
    shown = (await client.get("/indexes/switching")).json()["ann"]
    return bool(shown["answers_with"] == quantisation and shown["progress"] == 1.0)


async def only_one(dsn: str) -> bool:
    return len(await graphs(dsn)) == 1

"""Every read path lets through what the contract says, and nothing else."""

import itertools
import random
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.api.schemas.search import FiltersBody
from app.domain.callers import OPERATOR
from app.domain.documents import Section
from app.domain.filters import TimeRange
from app.domain.indexes import Index
from app.domain.keys import document_key
from app.services.access import AccessResolver
from app.storage.access import AccessRepository
from app.storage.chunks import ChunkRepository
from app.storage.filters import filter_values
from app.storage.search import SearchRepository
from app.storage.statements import statement
from tests.conftest import make_settings, running
from tests.support import worlds
from tests.support.oracle import Json, meant_by, passes
from tests.support.plans import open_filter, plan_lines, prefer_graphs, query_of
from tests.support.storage import catalog_of, connected, opened

QUERY = [1.0, 0.25, 0.0, 0.0]
EVERYTHING = 1000
MIXED_IDS = [f"document {number}" for number in range(60)]
Found = list[tuple[str, int]]
searching = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking goes through the database and takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@dataclass
class Readers:
    """The four read paths, as another process has them, and the service that writes."""

    http: httpx.AsyncClient
    dsn: str
    index: Index
    access: AccessResolver
    search: SearchRepository
    chunks: ChunkRepository

    async def fill(self, documents: Sequence[Json]) -> None:
        """Have these documents and no others."""
        number = self.index.index_id
        async with connected(self.dsn) as connection:
            tables = ("documents", "chunks", "chunk_embeddings", "chunk_segments", "title_embeddings", "chunk_terms")
            await connection.execute("TRUNCATE " + ", ".join(f"{table}_{number}" for table in tables))
        written = await self.http.post("/documents", json={"index": "world", "documents": documents})
        assert written.status_code == 200, written.text

    async def values(self, filters: Json, *, include_hidden: bool) -> Mapping[str, object]:
        """Bind filters as the service does, from a memory that may be out of date."""
        parsed = OPERATOR.permit(FiltersBody.model_validate(filters).to_domain(include_hidden=include_hidden))
        return await self.access.resolve(self.index, parsed)

    async def found(self, path: str, filters: Json, limit: int = EVERYTHING, *, include_hidden: bool = False) -> Found:
        """Run one of the statements as the services do: once more if access lists came up meanwhile."""
        values = await self.values(filters, include_hidden=include_hidden)
        rows = await self._rows(path, values, limit)
        if await self.access.is_stale(self.index, values, rows):
            parsed = OPERATOR.permit(FiltersBody.model_validate(filters).to_domain(include_hidden=include_hidden))
            rows = await self._rows(path, await self.access.resolve(self.index, parsed, anew=True), limit)
        rows = [row for row in rows if not np.isnan(row.get("distance", 0.0))]
        return [(row["document_id"], row["chunk_index"]) for row in rows]

    async def _rows(self, path: str, values: Mapping[str, object], limit: int) -> Sequence[Mapping[str, Any]]:
        embedding = np.array(QUERY, dtype=np.float32)
        reader = self.search.reader(self.index, values)
        if path == "exact":
            return await reader.nearest_exact(embedding, limit)
        if path == "coarse":
            return await reader.nearest_coarse(embedding, limit, EVERYTHING)
        if path == "ann":
            return await reader.nearest_ann(embedding, limit, EVERYTHING, 100)
        if path == "random":
            return await reader.random_chunks(uuid4(), limit)
        sections = [(document_key(name), Section(name)) for name in (*worlds.IDS, *MIXED_IDS)]
        return await self.chunks.list_sections(self.index, sections, values)


@pytest.fixture
async def readers(dsn: str) -> AsyncIterator[Readers]:
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(running(make_settings(dsn)))
        await http.put("/indexes/world", json={"embedding_dimension": 4})
        await prefer_graphs(dsn)
        database = await stack.enter_async_context(opened(dsn))
        index = await catalog_of(database).get("public", "world")
        async with connected(dsn) as connection:
            text = statement("maintenance/create_ann_index").text(index_id=2, dimension=4, m=8, ef_construction=32)
            assert index.index_id == 2
            await connection.execute(text)
        plan = await plan_lines(
            database,
            "search/semantic_ann",
            index,
            open_filter()
            | {"embedding": query_of(4), "limit": EVERYTHING, "candidate_limit": EVERYTHING, "ef_search": "100"},
        )
        assert "Index Scan using chunk_embeddings_hnsw_2" in plan
        access = AccessResolver(AccessRepository(database), catalog_of(database))
        yield Readers(http, dsn, index, access, SearchRepository(database), ChunkRepository(database))


def allowed(documents: Iterable[Json], filters: Json, *, include_hidden: bool = False) -> set[tuple[str, int]]:
    """What the oracle lets through."""
    now = datetime.now(UTC)
    return {
        (document["id"], chunk["chunk_index"])
        for document in documents
        if passes(document, filters, include_hidden=include_hidden, now=now)
        for chunk in document["chunks"]
    }


def with_direction(documents: Iterable[Json], found: Iterable[tuple[str, int]]) -> set[tuple[str, int]]:
    """Those whose embedding is not zero: the others are no neighbours of anything."""
    directed = {
        (document["id"], chunk["chunk_index"])
        for document in documents
        for chunk in document["chunks"]
        if any(chunk["embedding"])
    }
    return directed & set(found)


async def check(
    readers: Readers, documents: Sequence[Json], filters: Json, *, include_hidden: bool, limit: int
) -> None:
    """Hold the four statements against the oracle."""
    visible = allowed(documents, filters, include_hidden=include_hidden)
    near = with_direction(documents, visible)
    exact = await readers.found("exact", filters, include_hidden=include_hidden)
    assert len(exact) == len(near)
    assert set(exact) == near
    assert await readers.found("exact", filters, limit, include_hidden=include_hidden) == exact[:limit]
    assert await readers.found("ann", filters, include_hidden=include_hidden) == exact
    assert await readers.found("coarse", filters, include_hidden=include_hidden) == exact
    for path in ("random", "sections"):
        found = await readers.found(path, filters, include_hidden=include_hidden)
        assert len(found) == len(visible), path
        assert set(found) == visible, path
    some = await readers.found("random", filters, limit, include_hidden=include_hidden)
    assert len(set(some)) == min(limit, len(visible))
    assert set(some) <= visible


@settings(searching, max_examples=60)
@given(
    documents=worlds.documents(),
    requests=st.lists(st.tuples(worlds.filters(), st.booleans(), st.integers(1, 4)), min_size=6, max_size=10),
)
async def test_statements_agree_with_the_oracle(
    readers: Readers, documents: list[Json], requests: list[tuple[Json, bool, int]]
) -> None:
    await readers.fill(documents)
    for filters, include_hidden, limit in requests:
        await check(readers, documents, filters, include_hidden=include_hidden, limit=limit)


async def test_every_combination_of_clauses_agrees_with_the_oracle(readers: Readers) -> None:
    """Each of the eleven clauses there or not, in one well-mixed world: 2,048 filters."""
    source = random.Random(11)
    documents = [mixed_document(source, name) for name in MIXED_IDS]
    await readers.fill(documents)
    names = [name for name in worlds.CLAUSES if name != "hidden"]
    kept = 0
    for chosen in itertools.product((False, True), repeat=len(names) - 1):
        clauses = dict(zip(names[:-1], chosen, strict=True))
        filters = {name: mixed_clause(source, name) for name, there in clauses.items() if there}
        filters |= {"access_control_list": source.choice((None, [], ["group:eng"], list(worlds.ENTRIES)))}
        if source.random() < 0.1:
            filters |= {"metadata": {"n": 1}}
        near = with_direction(documents, allowed(documents, filters))
        assert set(await readers.found("exact", filters)) == near, filters
        path = source.choice(("ann", "coarse", "random", "sections"))
        assert set(await readers.found(path, filters)) == near, (path, filters)
        kept += bool(near)
    assert kept > 500, "most filters of a share of the combinations must let something through"


def mixed_document(source: random.Random, name: str) -> dict[str, Any]:
    """A document that many filters let through."""

    def several(values: Sequence[Any]) -> list[Any]:
        return source.sample(values, source.randint(0, len(values)))

    def moment() -> str | None:
        return source.choice((None, worlds.spelt(worlds.NOW + timedelta(days=source.choice(worlds.OFFSETS)), "+00:00")))

    return {
        "id": name,
        "access": {"public": source.random() < 0.5, "entries": several(worlds.ENTRIES)},
        "hidden": source.random() < 0.2,
        "source_type": source.choice((None, *worlds.SOURCES)),
        "document_sets": several(worlds.SETS),
        "project_ids": several(worlds.NUMBERS),
        "persona_ids": several(worlds.NUMBERS),
        "hierarchy_node_ids": several(worlds.NUMBERS),
        "metadata": {key: several(worlds.VALUES) for key in several(worlds.KEYS)} | source.choice(({}, {"n": 1})),
        "created_at": moment(),
        "updated_at": moment(),
        "chunks": [{"chunk_index": 0, "content": "", "embedding": [source.gauss(0, 1) for _ in range(4)]}],
    }


def mixed_clause(source: random.Random, name: str) -> Any:  # noqa: ANN401  as wide as the clauses
    """A condition that some documents meet."""
    values: dict[str, Sequence[Any]] = {
        "source_type": worlds.SOURCES, "forced_document_sets": worlds.SETS, "document_sets": worlds.SETS,
        "document_ids": MIXED_IDS, "hierarchy_node_ids": worlds.NUMBERS,
    }  # fmt: skip
    if name in values:
        return source.sample(values[name], 2)
    if name in {"persona_id", "project_id"}:
        return source.choice(worlds.NUMBERS)
    if name == "tags":
        return [{"key": source.choice(worlds.KEYS), "value": source.choice(worlds.VALUES)} for _ in range(4)]
    start = worlds.NOW + timedelta(days=source.choice((-500.0, -100.0, -60.0)))
    return {"start": worlds.spelt(start, "-08:00"), "end": source.choice((None, worlds.spelt(worlds.NOW, "+05:30")))}


@settings(searching, max_examples=30)
@given(
    documents=worlds.documents(),
    requests=st.lists(st.tuples(worlds.filters(), st.booleans()), min_size=1, max_size=3),
)
async def test_http_agrees_with_the_oracle(
    readers: Readers, documents: list[Json], requests: list[tuple[Json, bool]]
) -> None:
    """The whole way: parsing, resolving access, the choice of a statement, rendering."""
    await readers.fill(documents)
    for filters, include_hidden in requests:
        visible = allowed(documents, filters, include_hidden=include_hidden)
        common = {"index": "world", "filters": filters, "include_hidden": include_hidden}
        for search, expected in (
            ({"embedding": QUERY, "exact": True}, with_direction(documents, visible)),
            ({"embedding": QUERY}, with_direction(documents, visible)),
            ({"mode": "random"}, visible),
            ({"mode": "keyword", "query": "text"}, visible),
            ({"mode": "keyword", "query": "text", "exact": True}, visible),
            ({"mode": "hybrid", "query": "text", "embedding": QUERY}, visible),
            ({"mode": "hybrid", "query": "text", "embedding": QUERY, "exact": True}, visible),
        ):
            answer = await readers.http.post("/search", json=common | search | {"limit": EVERYTHING})
            assert answer.status_code == 200, answer.text
            hits = [(hit["document_id"], hit["chunk_index"]) for hit in answer.json()["hits"]]
            assert len(hits) == len(expected)
            assert set(hits) == expected
        asked = [*worlds.IDS, "nobody's"]
        sections = {"sections": [{"document_id": name} for name in asked]}
        answer = await readers.http.post("/chunks/retrieve", json=common | sections)
        names = [document["id"] for document in documents]
        meant = [meant_by(name, names) for name in asked]
        expected_chunks = [
            (name, chunk) for name in meant if name for chunk in sorted(n for i, n in visible if i == name)
        ]
        assert [(chunk["document_id"], chunk["chunk_index"]) for chunk in answer.json()["chunks"]] == expected_chunks


async def test_a_reversed_range_keeps_the_undated_where_they_are_kept(readers: Readers) -> None:
    """HTTP refuses it; a filter that is made otherwise means what the contract says."""
    day = timedelta(days=1)
    start, end = worlds.NOW - 100 * day, worlds.NOW - 200 * day
    dates = {"dated": (worlds.NOW - 150 * day).isoformat(), "undated": None}
    await readers.fill(
        [
            {
                "id": name,
                "access": {"public": True},
                "content": "",
                "embedding": QUERY,
                "created_at": at,
                "updated_at": at,
            }
            for name, at in dates.items()
        ]
    )
    empty = FiltersBody().to_domain(include_hidden=False)
    for changed, expected in (
        (replace(empty, created_at=TimeRange(start, end)), ["undated"]),
        (replace(empty, updated_at=TimeRange(start, end)), []),
        (replace(empty, updated_at=TimeRange(end, None)), ["dated", "undated"]),
    ):
        reader = readers.search.reader(readers.index, filter_values(changed, None))
        rows = await reader.nearest_exact(np.array(QUERY, dtype=np.float32), EVERYTHING)
        assert [row["document_id"] for row in rows] == expected


async def test_access_lists_that_read_alike_are_told_apart(readers: Readers) -> None:
    """What a list may read is remembered; another list must never be taken for it."""
    await readers.fill(
        [
            {"id": entry, "access": {"public": False, "entries": [entry]}, "content": "", "embedding": QUERY}
            for entry in ("a", "b", "a\nb", "a,b", "a\tb")
        ]
    )
    lists: tuple[list[str], ...] = (
        ["a\nb"],
        ["a", "b"],
        ["a,b"],
        ["a\tb"],
        [],
        [""],
        ["a", ""],
        ["b", "a"],
        ["a\nb", ""],
    )
    for entries in (*lists, *reversed(lists)):
        found = await readers.found("exact", {"access_control_list": entries})
        assert {name for name, _ in found} == set(entries) - {""}

"""What makes this fast is a matter of plans and of rows, so these are asserted, and times are not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import numpy as np
import pytest
from numpy.typing import NDArray

from app.domain.callers import OPERATOR
from app.domain.documents import PUBLIC, Access, Chunk, Document, DocumentUpdate
from app.domain.filters import Filters
from app.domain.indexes import Index
from app.domain.replacement import SEGMENT_CHUNKS
from app.domain.vectors import to_half
from app.services.access import AccessResolver
from app.services.indexing import IndexingService
from app.services.maintenance import Maintainer, MaintenanceOptions
from app.storage.access import AccessRepository
from app.storage.codecs import SparseVector
from app.storage.database import Database
from app.storage.indexes import IndexRepository
from app.storage.nearest import Rows
from app.storage.search import SearchRepository
from tests.conftest import Server, close, execute, temporary_database
from tests.support.plans import nodes, open_filter, plan_of, relations, used_indexes
from tests.support.storage import catalog_of, connected, indexing_of, make_index, opened

DIMENSION = 32
CHUNKS = 3000
DOCUMENTS = CHUNKS // 10
Vectors = NDArray[np.float32]
Counts = tuple[int, int, int, int]
SOMEWHERE = np.ones(DIMENSION, dtype=np.float32)
WORDS = SparseVector(np.array([3, 5], np.int32), np.ones(2, np.float32))
SEGMENTS = 20
COARSE = {"embedding": SOMEWHERE, "limit": 10, "segment_limit": SEGMENTS, "segment_chunks": SEGMENT_CHUNKS}


@dataclass
class Library:
    """An index of clustered chunks, ten to a document, with a graph; and two small ones beside it."""

    dsn: str
    database: Database
    index: Index
    vectors: Vectors
    search: SearchRepository

    @property
    def indexing(self) -> IndexingService:
        return indexing_of(self.database)

    def query(self, seed: int) -> Vectors:
        """Return something near a chunk."""
        source = np.random.default_rng(seed)
        noise = source.normal(scale=0.05, size=DIMENSION)
        found: Vectors = (self.vectors[source.integers(len(self.vectors))] + noise).astype(np.float32)
        return found


def clustered(count: int) -> Vectors:
    """Unit vectors in 40 clusters."""
    source = np.random.default_rng(3)
    centres = source.normal(size=(40, DIMENSION))
    found = centres[np.arange(count) * 40 // count] + source.normal(scale=0.35, size=(count, DIMENSION))
    unit: Vectors = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
    return unit


def library_documents(vectors: Vectors, *, per_document: int = 10) -> list[Document]:
    return [
        Document(
            id=f"document {number}",
            semantic_identifier="A document",
            title="A document",
            access=Access(public=number % 2 == 0, entries=(f"group:{number % 5}",)),
            title_embedding=vectors[number * per_document],
            chunks=tuple(
                Chunk(place, f"chunk {place} of {number}", vectors[number * per_document + place])
                for place in range(per_document)
            ),
        )
        for number in range(len(vectors) // per_document)
    ]


@pytest.fixture(scope="module")
def filled(postgres: Server, template: str) -> Iterator[str]:
    """The name of a database with a library in it, to copy from."""
    name = f"library_{uuid4().hex}"
    with asyncio.Runner() as runner:
        runner.run(execute(postgres, f"CREATE DATABASE {name} TEMPLATE {template}"))
        runner.run(fill(postgres.dsn(name)))
        runner.run(close(postgres, name))
        yield name
        runner.run(execute(postgres, f"DROP DATABASE {name} WITH (FORCE)"))


async def fill(dsn: str) -> None:
    async with opened(dsn) as database:
        for name in ("before", "library", "after"):
            await make_index(database, name, dimension=DIMENSION)
        await indexing_of(database).write("public", "library", library_documents(clustered(CHUNKS)))
        await Maintainer(database, IndexRepository(database), MaintenanceOptions(ann_threshold=1000)).run_once()


@pytest.fixture
async def library(postgres: Server, filled: str) -> AsyncIterator[Library]:
    async with temporary_database(postgres, filled) as dsn, opened(dsn) as database:
        index = await catalog_of(database).get("public", "library")
        yield Library(dsn, database, index, clustered(CHUNKS), SearchRepository(database))


async def readable(library: Library, entries: Sequence[str]) -> Mapping[str, object]:
    resolver = AccessResolver(AccessRepository(library.database), catalog_of(library.database))
    return await resolver.resolve(library.index, OPERATOR.permit(Filters(access_control_list=tuple(entries))))


FILTERED: dict[str, Filters] = {
    "open": Filters(),
    "sources": Filters(source_type=("web",)),
    "ids": Filters(document_ids=tuple(f"document {number}" for number in range(50))),
    "sets": Filters(document_sets=("Legal",), persona_id=3),
    "metadata": Filters(metadata={"a": 1}),
}


@pytest.mark.one_postgres("plans")
@pytest.mark.parametrize("name", ["search/semantic_ann", "search/nearest_ann"])
async def test_the_graph_is_used_and_bounds_the_rows(library: Library, name: str) -> None:
    """Whatever the filter: it is applied to the head of the graph, one look-up for each of its rows."""
    for filters in FILTERED.values():
        values = open_filter(filters) | {"embedding": library.query(1), "limit": 10}
        values |= {"candidate_limit": 100, "ef_search": "100"}
        plan = await plan_of(library.database, name, library.index, values)
        assert f"chunk_embeddings_hnsw_{library.index.index_id}" in used_indexes(plan), filters
        for node in nodes(plan):
            if "Relation Name" in node:
                looked_at = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
                assert looked_at * node["Actual Loops"] <= 110, (filters, node)


@pytest.mark.one_postgres("plans")
@pytest.mark.parametrize("name", ["search/semantic_exact", "search/nearest_exact"])
async def test_exact_search_never_uses_the_graph(library: Library, name: str) -> None:
    for filters in FILTERED.values():
        values = open_filter(filters) | {"embedding": library.query(1), "limit": 10}
        plan = await plan_of(library.database, name, library.index, values)
        assert not [index for index in used_indexes(plan) if "hnsw" in index], filters


@pytest.mark.one_postgres("plans")
@pytest.mark.parametrize("name", ["search/semantic_coarse", "search/nearest_coarse"])
async def test_coarse_search_measures_segments_then_the_chunks_of_a_few(library: Library, name: str) -> None:
    """What passes is hashed once, segments are looked up in it; under the plan mode that the service chooses for it."""
    for filters in FILTERED.values():
        plan = await plan_of(library.database, name, library.index, open_filter(filters) | COARSE, custom=True)
        assert "chunk_embeddings_hnsw" not in str(used_indexes(plan))
        read = {node["Relation Name"]: node for node in nodes(plan) if "Relation Name" in node}
        segments = read[f"chunk_segments_{library.index.index_id}"]
        assert "hashed" in str(segments.get("Filter")), filters
        for node in nodes(plan):
            if node.get("Relation Name", "").startswith("chunk_embeddings"):
                assert node["Actual Rows"] * node["Actual Loops"] <= SEGMENTS * SEGMENT_CHUNKS


SELECTIVE: dict[str, Filters] = {
    "project": Filters(project_id=404),
    "source": Filters(source_type=("nowhere", "elsewhere")),
    "tag": Filters(tags=("author===nobody", "x" * 100_000)),
    "forced set": Filters(forced_document_sets=("No such set",)),
    "scope": Filters(document_ids=("document 7",), document_sets=("No such set",), persona_id=404),
    "several": Filters(source_type=("web",), tags=("author===nobody",)),
}


@pytest.mark.one_postgres("plans")
@pytest.mark.parametrize("name", ["search/semantic_exact", "search/nearest_exact", "search/keyword_exact"])
@pytest.mark.parametrize("wanted", SELECTIVE)
async def test_a_selective_filter_is_found_in_its_index(library: Library, wanted: str, name: str) -> None:
    """Planned for its values, an exact search of a rare group or label reads the documents of that only."""
    near = {"query": WORDS} if name == "search/keyword_exact" else {"embedding": library.query(1)}
    values = open_filter(SELECTIVE[wanted]) | near | {"limit": 10}
    plan = await plan_of(library.database, name, library.index, values, custom=True)
    assert any("label_keys" in index for index in used_indexes(plan))
    assert not any(node["Node Type"] == "Seq Scan" for node in nodes(plan) if "Relation Name" in node)


@pytest.mark.one_postgres("plans")
async def test_exact_search_reads_the_embeddings_of_allowed_documents_only(library: Library) -> None:
    values = open_filter(FILTERED["ids"]) | {"embedding": library.query(1), "limit": 10}
    plan = await plan_of(library.database, "search/semantic_exact", library.index, values)
    (read,) = (node for node in nodes(plan) if node.get("Relation Name", "").startswith("chunk_embeddings"))
    assert read["Node Type"] == "Index Scan"
    assert read["Actual Rows"] * read["Actual Loops"] == 50 * 10


@pytest.mark.one_postgres("plans")
@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("search/semantic_exact", {"embedding": SOMEWHERE, "limit": 10}),
        ("search/semantic_ann", {"embedding": SOMEWHERE, "limit": 10, "candidate_limit": 50, "ef_search": "40"}),
        ("search/nearest_exact", {"embedding": SOMEWHERE, "limit": 10}),
        ("search/nearest_ann", {"embedding": SOMEWHERE, "limit": 10, "candidate_limit": 50, "ef_search": "40"}),
        ("search/semantic_coarse", COARSE),
        ("search/nearest_coarse", COARSE),
        ("search/estimate_share", {"documents": 100}),
        ("search/random_chunks", {"pivot": UUID(int=0), "limit": 10}),
        (
            "chunks/list_section_chunks",
            {"section_keys": [UUID(int=0)], "min_chunk_indexes": [0], "max_chunk_indexes": [9]},
        ),
    ],
)
async def test_a_plan_knows_of_one_index_only(library: Library, name: str, rest: dict[str, object]) -> None:
    """Partitions are pruned when the plan is made: nothing is left to prune when it runs."""
    plan = await plan_of(library.database, name, library.index, open_filter() | rest)
    number = str(library.index.index_id)
    assert {relation.rpartition("_")[2] for relation in relations(plan)} == {number}
    assert not [node for node in nodes(plan) if node.get("Subplans Removed")]


async def test_the_filter_costs_one_look_at_the_bitmap(library: Library) -> None:
    """However long the list of entries is: it is resolved before, and the statement has a bitmap."""
    few = await readable(library, ["group:1"])
    many = await readable(library, ["group:1", *(f"external_group:drive_{n}" for n in range(20_000))])
    assert many == few
    rows = await library.search.reader(library.index, few).nearest_exact(library.query(2), 10_000)
    numbers = {int(row["document_id"].rpartition(" ")[2]) for row in rows}
    assert numbers == {number for number in range(DOCUMENTS) if number % 2 == 0 or number % 5 == 1}


def keys(rows: Rows) -> set[tuple[str, int]]:
    return {(row["document_id"], row["chunk_index"]) for row in rows}


async def test_the_graph_finds_what_measuring_finds(library: Library) -> None:
    """Recall of ten, against exact search in numpy; the plan is asserted above."""
    stored = np.array([to_half(vector).astype(np.float64) for vector in library.vectors])
    stored /= np.linalg.norm(stored, axis=1, keepdims=True)
    recalls = []
    for seed in range(50):
        query = library.query(seed)
        best = np.argsort(-(stored @ query), kind="stable")[:10]
        exact = {(f"document {place // 10}", place % 10) for place in best}
        reader = library.search.reader(library.index, open_filter())
        measured = await reader.nearest_exact(query, 10)
        found = await reader.nearest_ann(query, 10, 100, 100)
        assert len(measured) == len(found) == 10
        assert len(exact & keys(measured)) >= 9  # a tie in half precision may fall the other way
        recalls.append(len(exact & keys(found)) / 10)
    assert np.mean(recalls) >= 0.95


async def test_coarse_search_finds_what_measuring_finds(library: Library) -> None:
    """With a tenth of the chunks refined; the plan is asserted above."""
    recalls = []
    for seed in range(50):
        reader = library.search.reader(library.index, open_filter())
        measured = await reader.nearest_exact(library.query(seed), 10)
        found = await reader.nearest_coarse(library.query(seed), 10, CHUNKS // 10 // SEGMENT_CHUNKS)
        assert len(found) == 10
        recalls.append(len(keys(measured) & keys(found)) / 10)
    assert np.mean(recalls) >= 0.95


async def test_segments_are_the_means_of_the_chunks_there_are(library: Library) -> None:
    """After documents grew, shrank, changed and went."""
    first, second, third, *_ = library_documents(library.vectors)
    grown = Document(**{**first.__dict__, "chunks": (*first.chunks, Chunk(10, "more", library.vectors[77]))})
    shrunk = Document(**{**second.__dict__, "chunks": second.chunks[:3]})
    turned = (*third.chunks[:9], Chunk(9, third.chunks[9].content, library.vectors[99]))
    changed = Document(**{**third.__dict__, "chunks": turned})
    await library.indexing.write("public", "library", [grown, shrunk, changed])
    await library.indexing.delete("public", "library", ["document 5"])
    async with connected(library.dsn) as connection:
        rows = await connection.fetch(
            f"SELECT coalesce(s.document_key, e.document_key), s.embedding::text, e.embedding::text "  # noqa: S608
            f"FROM chunk_segments_{library.index.index_id} AS s FULL JOIN (SELECT document_key, "
            f"chunk_index / {SEGMENT_CHUNKS} AS segment, avg(embedding)::halfvec AS embedding "
            f"FROM chunk_embeddings_{library.index.index_id} GROUP BY 1, 2) AS e USING (document_key, segment)"
        )
    assert len(rows) == 2 * (DOCUMENTS - 1) + 1 - 1  # one more of the grown document, one fewer of the shrunk one
    assert [row for row in rows if row[1] is None or row[2] is None] == []
    means = [np.array([numbers[1:-1].split(",") for numbers in row[1:]], float) for row in rows]
    assert max(float(abs(kept - made).max()) for kept, made in means) < 1e-3


async def test_segments_of_new_documents_are_to_the_bit_what_the_database_makes(library: Library) -> None:
    """One that was written whole and one that grew to the same must not differ: means are made in two places."""
    random = np.random.default_rng(3)
    sizes = 10.0 ** random.uniform(-4, 2, (1, library.vectors.shape[1]))
    chunks = [
        Chunk(number, "x", (random.normal(size=sizes.shape) * sizes)[0].astype(np.float32)) for number in range(23)
    ]
    whole = Document("whole", "whole", PUBLIC, chunks=tuple(reversed(chunks)))
    grown = Document("grown", "grown", PUBLIC, chunks=(chunks[0],))
    await library.indexing.write("public", "library", [whole, grown])
    await library.indexing.write("public", "library", [replace(grown, chunks=tuple(chunks))])
    async with connected(library.dsn) as connection:
        rows = await connection.fetch(
            f"SELECT segment, count(DISTINCT embedding) AS kinds, count(*) "  # noqa: S608
            f"FROM chunk_segments_{library.index.index_id} WHERE document_key = ANY ($1) GROUP BY 1 ORDER BY 1",
            [whole.key, grown.key],
        )
    await library.indexing.delete("public", "library", ["whole", "grown"])
    assert [tuple(row) for row in rows] == [(segment, 1, 2) for segment in range(5)]


async def test_the_graph_gives_as_many_as_are_asked_for(library: Library) -> None:
    """More than ef_search: the scan goes on until there are enough."""
    for limit in (100, 500, 2000):
        rows = await library.search.reader(library.index, open_filter()).nearest_ann(
            library.query(4), limit, limit, 100
        )
        assert len(rows) == limit


async def writes(dsn: str) -> dict[str, Counts]:
    """Rows inserted, updated, deleted, and updated in place (HOT), by table."""
    async with connected(dsn) as connection:
        rows = await connection.fetch(
            "SELECT relname, n_tup_ins, n_tup_upd, n_tup_del, n_tup_hot_upd FROM pg_stat_user_tables "
            "WHERE schemaname = 'public'"
        )
    return {name: (inserted, updated, deleted, hot) for name, inserted, updated, deleted, hot in rows}


async def written_by(library: Library, work: Callable[[IndexingService], Awaitable[object]]) -> dict[str, Counts]:
    """Do some work on connections of its own; return what it wrote, for tables that it wrote to.

    Sessions report their counts when they end.
    """
    before = await writes(library.dsn)
    async with opened(library.dsn) as database:
        await work(indexing_of(database))
    after = await writes(library.dsn)
    changes = {table: minus(counts, before.get(table, (0, 0, 0, 0))) for table, counts in after.items()}
    return {table: change for table, change in changes.items() if any(change)}


def minus(after: Counts, before: Counts) -> Counts:
    first, second, third, fourth = (a - b for a, b in zip(after, before, strict=True))
    return first, second, third, fourth


@pytest.mark.one_postgres("catalogue")
async def test_metadata_updates_touch_one_row_each_and_mostly_in_place(library: Library) -> None:
    """Within the room that pages keep free; more of it comes back as soon as nobody needs the old versions."""
    changed = DOCUMENTS * 15 // 100

    async def work(indexing: IndexingService) -> None:
        for number in range(changed):  # one at a time, as Onyx does
            update = DocumentUpdate(
                (f"document {number}",),
                access=Access(public=True, entries=("group:0",)),
                hidden=True,
                boost=number,
            )
            await indexing.update("public", "library", [update])

    changes = await written_by(library, work)
    inserted, updated, deleted, in_place = changes.pop(f"documents_{library.index.index_id}")
    assert set(changes) <= {f"acl_sets_{library.index.index_id}", f"acl_members_{library.index.index_id}"}
    assert (inserted, updated, deleted) == (0, changed, 0)
    assert in_place / updated > 0.8


@pytest.mark.one_postgres("catalogue")
async def test_a_document_that_comes_again_writes_nothing(library: Library) -> None:
    async def work(indexing: IndexingService) -> None:
        await indexing.write("public", "library", library_documents(library.vectors))

    assert await written_by(library, work) == {}


@pytest.mark.one_postgres("catalogue")
async def test_a_changed_chunk_writes_its_own_rows(library: Library) -> None:
    """The others keep their rows, and their places in the graph."""
    number = library.index.index_id
    first = library_documents(library.vectors)[0]
    other_text = Chunk(3, "another text", first.chunks[3].embedding)
    other_embedding = Chunk(5, first.chunks[5].content, library.vectors[1000])
    chunks = (*first.chunks[:3], other_text, first.chunks[4], other_embedding, *first.chunks[6:9])
    changed = Document(**{**first.__dict__, "chunks": chunks})

    async def work(indexing: IndexingService) -> None:
        await indexing.write("public", "library", [changed])

    changes = await written_by(library, work)
    # chunk 3 has other words, chunk 5 another direction, chunk 9 is gone; the row of the document counts chunks
    assert changes.pop(f"chunks_{number}")[:3] == (2, 0, 3)
    assert changes.pop(f"chunk_embeddings_{number}")[:3] == (1, 0, 2)
    assert changes.pop(f"chunk_segments_{number}")[:3] == (2, 0, 2)  # of chunks 5 to 9, and again for the tail
    assert changes.pop(f"chunk_terms_{number}")[:3] == (1, 0, 2)
    assert changes.pop(f"documents_{number}")[:3] == (0, 1, 0)
    assert set(changes) == {f"vocabulary_{number}"}  # words it had not met


@pytest.mark.one_postgres("catalogue")
async def test_dropping_an_index_deletes_no_rows(library: Library) -> None:
    """As many statements for thousands of chunks as for none, and no row is touched but the catalogue's."""
    counted = []
    for name in ("before", "library"):
        before = await writes(library.dsn)
        async with opened(library.dsn) as database:
            await catalog_of(database).drop("public", name)
        after = await writes(library.dsn)
        counted.append(sum(after[table][2] - before[table][2] for table in after))
    assert counted == [1, 1]
    async with connected(library.dsn) as connection:
        left = await connection.fetch(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'i') AND relname ~ $1", f"_{library.index.index_id}$"
        )
    assert left == []

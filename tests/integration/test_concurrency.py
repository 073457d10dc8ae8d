"""Writers that meet: last wins and never a mix, nobody waits in a circle, and what fails leaves nothing."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any

import asyncpg
import httpx
import numpy as np
import pytest

from app.domain.documents import Access, Chunk, Document, DocumentUpdate
from app.domain.errors import IndexNotFoundError, ServiceError
from app.domain.indexes import Index
from app.services.catalog import IndexCatalog
from app.services.indexing import IndexingService
from app.storage.access import AccessRepository
from app.storage.database import Database
from app.storage.statements import statement
from tests.conftest import make_settings, running
from tests.support.storage import catalog_of, connected, counts, indexing_of, make_index, opened
from tests.support.waiting import eventually

EMBEDDING = [1.0, 0, 0, 0, 0, 0, 0, 0]
TABLES = ("documents", "chunks", "chunk_embeddings", "chunk_segments", "title_embeddings", "chunk_terms")


@pytest.fixture
async def databases(dsn: str) -> AsyncIterator[list[Database]]:
    """Two processes' pools."""
    async with opened(dsn, write_connections=8) as one, opened(dsn, write_connections=8) as other:
        await make_index(one)
        yield [one, other]


@pytest.fixture
async def instances(dsn: str) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Two processes' applications."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(running(make_settings(dsn))) for _ in range(2)]


def version(name: str, number: int, *, chunks: int | None = None) -> Document:
    """A document of which every part says which version it is of."""
    vector = np.full(8, 1.0 + number, dtype=np.float32)
    vector[number % 8] += 5
    return Document(
        id=name,
        semantic_identifier=f"v{number}",
        title=f"v{number}",
        access=Access(public=False, entries=(f"v{number}",)),
        boost=number,
        document_sets=(f"v{number}",),
        title_embedding=vector,
        chunks=tuple(Chunk(place, f"v{number} {place}", vector) for place in range(chunks or 1 + number % 5)),
    )


async def one_version(dsn: str, name: str) -> int | None:
    """Say which version is stored, having made sure that all of it is."""
    async with connected(dsn) as connection:
        row = await connection.fetchrow(
            "SELECT d.*, s.entries FROM documents AS d JOIN acl_sets AS s USING (index_id, acl_id) "
            "WHERE document_id = $1",
            name,
        )
        if row is None:
            return None
        number = int(row["title"][1:])
        key = row["document_key"]
        texts = await connection.fetch("SELECT content FROM chunks WHERE document_key = $1 ORDER BY chunk_index", key)
        assert [text[0] for text in texts] == [f"v{number} {place}" for place in range(1 + number % 5)]
        assert row["chunk_count"] == len(texts)
        assert row["document_sets"] == [f"v{number}"]
        assert row["entries"] == [f"v{number}"]
        for table in ("chunk_embeddings", "chunk_terms"):
            assert await connection.fetchval(f"SELECT count(*) FROM {table} WHERE document_key = $1", key) == len(texts)  # noqa: S608
        vectors = await connection.fetch(
            "SELECT DISTINCT embedding::text FROM chunk_embeddings WHERE document_key = $1", key
        )
        title = await connection.fetchval("SELECT embedding::text FROM title_embeddings WHERE document_key = $1", key)
        assert [vector[0] for vector in vectors] == [title]
        return number


async def test_of_two_writers_one_is_last_and_nothing_is_mixed(databases: list[Database], dsn: str) -> None:
    services = [indexing_of(database) for database in databases]
    for turn in range(15):
        versions = [3 * turn, 3 * turn + 1, 3 * turn + 2]
        await asyncio.gather(
            *(services[n % 2].write("public", "probe", [version("x", number)]) for n, number in enumerate(versions))
        )
        assert await one_version(dsn, "x") in versions


async def test_a_writer_a_patch_and_a_delete_meet(databases: list[Database], dsn: str) -> None:
    one, other = (indexing_of(database) for database in databases)
    for turn in range(20):
        await one.write("public", "probe", [version("x", 4)])
        results = await asyncio.gather(
            one.write("public", "probe", [version("x", turn)]),
            other.delete("public", "probe", ["x"]),
            other.update("public", "probe", [DocumentUpdate(("x",), hidden=True)]),
        )
        assert [len(result) for result in results] == [1, 1, 1]
        assert await one_version(dsn, "x") in {turn, None}
        left = await counts(dsn, TABLES)
        assert left["documents"] in {0, 1}
        if not left["documents"]:
            assert set(left.values()) == {0}


async def test_patches_of_different_fields_lose_nothing(databases: list[Database], dsn: str) -> None:
    services = [indexing_of(database) for database in databases]
    await services[0].write("public", "probe", [version("x", 1)])
    for turn in range(15):
        patches = [
            DocumentUpdate(("x",), boost=turn),
            DocumentUpdate(("x",), document_sets=(f"turn {turn}",)),
            DocumentUpdate(("x",), hidden=turn % 2 == 0),
            DocumentUpdate(("x",), persona_ids=(turn,)),
        ]
        await asyncio.gather(*(services[n % 2].update("public", "probe", [p]) for n, p in enumerate(patches)))
        async with connected(dsn) as connection:
            row = await connection.fetchrow("SELECT boost, document_sets, hidden, persona_ids FROM documents")
        assert tuple(row) == (turn, [f"turn {turn}"], turn % 2 == 0, [turn])


async def test_create_only_never_overwrites_a_replacement(databases: list[Database], dsn: str) -> None:
    """The copier of a model change meets ordinary indexing: whoever comes first, the latter's document stays."""
    one, other = (indexing_of(database) for database in databases)
    for turn in range(20):
        await one.delete("public", "probe", ["x"])
        await asyncio.gather(
            one.write("public", "probe", [version("x", 2 * turn)], mode="create", written_by="port"),
            other.write("public", "probe", [version("x", 2 * turn + 1)]),
        )
        assert await one_version(dsn, "x") == 2 * turn + 1
        async with connected(dsn) as connection:
            assert await connection.fetchval("SELECT written_by FROM documents") == "index"


async def test_overlapping_batches_in_any_order_do_not_deadlock(databases: list[Database], dsn: str) -> None:
    """Writes, patches of several documents at once, and deletes, fifty rounds of four."""
    services = [indexing_of(database) for database in databases]
    source = random.Random(1)
    names = [f"document {n}" for n in range(8)]

    def write(service: IndexingService, order: list[str], turn: int) -> Any:  # noqa: ANN401  a coroutine
        return service.write("public", "probe", [version(name, turn) for name in order])

    def patch(service: IndexingService, order: list[str], turn: int) -> Any:  # noqa: ANN401  a coroutine
        updates = [DocumentUpdate((name,), boost=turn, access=Access(public=False, entries=(name,))) for name in order]
        return service.update("public", "probe", updates)

    def delete(service: IndexingService, order: list[str], _turn: int) -> Any:  # noqa: ANN401  a coroutine
        return service.delete("public", "probe", order[:3])

    for turn in range(50):
        kinds = [write, write, patch, patch if turn % 3 else delete]
        orders = [source.sample(names, len(names)) for _ in kinds]
        await asyncio.gather(
            *(kind(services[n % 2], order, turn) for n, (kind, order) in enumerate(zip(kinds, orders, strict=True)))
        )
    async with connected(dsn) as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
        deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        assert await connection.fetchval(deadlocks) == 0


async def test_racing_puts_make_one_index(instances: list[httpx.AsyncClient], dsn: str) -> None:
    body = {"embedding_dimension": 8}
    answers = await asyncio.gather(*(instances[n % 2].put("/indexes/raced", json=body) for n in range(12)))
    assert sorted(answer.status_code for answer in answers) == [200] * 11 + [201]
    assert len({answer.json()["created_at"] for answer in answers}) == 1
    async with connected(dsn) as connection:
        assert await connection.fetchval("SELECT count(*) FROM indexes WHERE name = 'raced'") == 1
    several = await asyncio.gather(
        *(instances[n % 2].put(f"/indexes/raced_{n}", json=body, headers={"x-tenant-id": f"t{n}"}) for n in range(6))
    )
    assert [answer.status_code for answer in several] == [201] * 6


async def test_racing_writers_number_access_lists_densely(databases: list[Database], dsn: str) -> None:
    index = await catalog_of(databases[0]).get("public", "probe")
    lists = [Access(public=n % 3 == 0, entries=(f"group:{n}",)) for n in range(40)]

    async def intern(number: int) -> dict[Any, int]:
        chosen = random.Random(number).sample(lists, 25)
        return await AccessRepository(databases[number % 2]).intern(index, chosen)

    found = await asyncio.gather(*(intern(number) for number in range(12)))
    merged: dict[Any, int] = {}
    for ids in found:
        assert all(merged.setdefault(digest, acl_id) == acl_id for digest, acl_id in ids.items())
    async with connected(dsn) as connection:
        stored = await connection.fetch("SELECT acl_id, digest FROM acl_sets ORDER BY acl_id")
        members = await connection.fetchval("SELECT count(*) FROM acl_members")
    assert [row["acl_id"] for row in stored] == list(range(len(merged)))
    assert {row["digest"]: row["acl_id"] for row in stored} == merged
    assert members == len(merged)


@pytest.mark.parametrize("end", ["cancel", "pg_cancel_backend", "pg_terminate_backend"])
async def test_a_write_that_is_cut_off_leaves_nothing(databases: list[Database], dsn: str, end: str) -> None:
    service = indexing_of(databases[0])
    await service.write("public", "probe", [version("kept", 3)])
    before = await counts(dsn, TABLES)
    async with connected(dsn) as blocker, connected(dsn) as observer:
        holding = blocker.transaction()
        await holding.start()
        await blocker.execute("LOCK TABLE chunk_terms IN SHARE MODE")  # documents and chunks are written by then
        batch = [version("kept", 7), *(version(f"new {n}", n) for n in range(5))]
        writing = asyncio.create_task(service.write("public", "probe", batch))
        waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        await eventually(lambda: found(observer, waiting))
        if end == "cancel":
            writing.cancel()
            with suppress(asyncio.CancelledError):
                await writing
        else:
            await observer.execute(f"SELECT {end}(pid) FROM ({waiting}) AS w")  # noqa: S608  one of two functions
            with pytest.raises(ServiceError):
                await writing
        await holding.rollback()
        await eventually(lambda: nothing(observer, waiting))
    assert await counts(dsn, TABLES) == before
    assert await one_version(dsn, "kept") == 3
    await service.write("public", "probe", [version("kept", 8)])  # the pool has no broken connection
    assert await one_version(dsn, "kept") == 8


async def found(connection: asyncpg.Connection, query: str) -> bool:
    return await connection.fetchval(query) is not None


async def nothing(connection: asyncpg.Connection, query: str) -> bool:
    return await connection.fetchval(query) is None


async def seen(client: httpx.AsyncClient, entries: Sequence[str]) -> list[str]:
    """Search in every way; what is seen must be the same in all of them."""
    filters = {"access_control_list": list(entries)}
    ways: list[dict[str, Any]] = [{"embedding": EMBEDDING}, {"embedding": EMBEDDING, "exact": True}, {"mode": "random"}]
    answers = []
    for way in ways:
        answer = await client.post("/search", json={"index": "guarded", "filters": filters} | way)
        answers.append({hit["document_id"] for hit in answer.json()["hits"]})
    sections = {"index": "guarded", "filters": filters, "sections": [{"document_id": name} for name in "abc"]}
    retrieved = await client.post("/chunks/retrieve", json=sections)
    answers.append({chunk["document_id"] for chunk in retrieved.json()["chunks"]})
    assert all(answer == answers[0] for answer in answers)
    return sorted(answers[0])


async def test_the_next_query_of_another_process_sees_a_change_of_access(instances: list[httpx.AsyncClient]) -> None:
    """Its memory of what lists may read is warm, and made before the change."""
    one, other = instances
    await one.put("/indexes/guarded", json={"embedding_dimension": 8})

    async def access(name: str, *, public: bool, entries: Sequence[str] = ()) -> None:
        update = {"document_ids": [name], "access": {"public": public, "entries": entries}}
        answer = await one.patch("/documents", json={"index": "guarded", "updates": [update]})
        assert answer.json()["results"][0]["found"]

    documents = [
        {"id": name, "content": name, "embedding": EMBEDDING, "access": {"public": False, "entries": [f"group:{name}"]}}
        for name in "abc"
    ]
    await one.post("/documents", json={"index": "guarded", "documents": documents})
    for _ in range(2):
        assert await seen(other, ["group:a"]) == ["a"]
        assert await seen(other, []) == []
    for turn in range(5):
        await access("b", public=False, entries=["group:a", f"turn {turn}"])
        assert await seen(other, ["group:a"]) == ["a", "b"]
        await access("a", public=False, entries=[f"somebody else {turn}"])
        assert await seen(other, ["group:a"]) == ["b"]
        await access("c", public=True)
        assert await seen(other, []) == ["c"]
        await access("c", public=False, entries=[])
        assert await seen(other, []) == []
        assert await seen(other, ["group:c"]) == []
        await access("a", public=False, entries=["group:a"])
        await access("b", public=False, entries=["group:b"])
        assert await seen(other, ["group:a"]) == ["a"]


async def test_an_index_that_another_process_made_anew_is_noticed(instances: list[httpx.AsyncClient]) -> None:
    """Whatever was remembered of the old one: an old answer never comes, and soon the new one does."""
    one, other = instances
    document = {"id": "old", "content": "x", "embedding": EMBEDDING, "access": {"public": True}}
    search = {"index": "anew", "embedding": EMBEDDING, "filters": {"access_control_list": []}}
    await one.put("/indexes/anew", json={"embedding_dimension": 8})
    await one.post("/documents", json={"index": "anew", "documents": [document]})
    assert len((await other.post("/search", json=search)).json()["hits"]) == 1
    assert (await one.delete("/indexes/anew")).status_code == 204
    gone = [
        await other.post("/search", json=search),
        await other.post("/documents", json={"index": "anew", "documents": [document]}),
        await other.get("/documents/old", params={"index": "anew"}),
    ]
    assert [answer.status_code for answer in gone] == [404] * 3
    await one.put("/indexes/anew", json={"embedding_dimension": 8})
    await one.post("/documents", json={"index": "anew", "documents": [document | {"id": "new"}]})

    async def answered() -> bool:
        answer = await other.post("/search", json=search)
        if answer.status_code == 404:
            return False
        assert [hit["document_id"] for hit in answer.json()["hits"]] == ["new"]
        return True

    await eventually(answered, 3)


async def test_a_write_to_a_dropped_index_fails_and_stores_nothing(databases: list[Database], dsn: str) -> None:
    service = indexing_of(databases[0])
    await service.write("public", "probe", [version("x", 1)])
    await make_index(databases[1], "other")
    await catalog_of(databases[1]).drop("public", "probe")
    with pytest.raises(IndexNotFoundError):
        await service.write("public", "probe", [version("y", 1)])
    assert set((await counts(dsn, TABLES)).values()) == {0}


async def test_dropping_does_not_wait_for_a_build_nor_make_others_wait(databases: list[Database], dsn: str) -> None:
    """A graph is built for minutes; neither the drop nor anybody's search may last as long."""
    catalog = catalog_of(databases[0])
    index = await catalog.get("public", "probe")
    await indexing_of(databases[0]).write("public", "probe", [version("x", 1)])
    await make_index(databases[0], "neighbour")
    await indexing_of(databases[0]).write("public", "neighbour", [version("y", 1)])
    async with connected(dsn) as old, opened(dsn) as third:
        reading = old.transaction(isolation="repeatable_read")
        await reading.start()  # a build waits for whoever may see rows that it does not know
        await old.fetchval("SELECT count(*) FROM indexes")
        build = asyncio.create_task(build_graph(dsn, index))
        async with connected(dsn) as observer:
            progress = (
                "SELECT pid FROM pg_stat_progress_create_index "
                "WHERE phase LIKE 'waiting for%' AND datname = current_database()"
            )
            await eventually(lambda: found(observer, progress))
        drop = asyncio.create_task(catalog.drop("public", "probe"))
        async with asyncio.timeout(8):
            for _ in range(10):
                await third_reads(third, catalog_of(third))
            await drop
        with pytest.raises(asyncpg.PostgresError):
            await build
        await reading.rollback()
    with pytest.raises(IndexNotFoundError):
        await catalog_of(databases[1]).get("public", "probe")


async def build_graph(dsn: str, index: Index) -> None:
    async with connected(dsn) as connection:
        text = statement("maintenance/create_ann_index").text(
            index_id=index.index_id, dimension=index.embedding_dimension, m=8, ef_construction=16
        )
        await connection.execute(text)


async def third_reads(database: Database, catalog: IndexCatalog) -> None:
    """Read another index."""
    index = await catalog.get("public", "neighbour")
    async with database.session("search") as session:
        rows = await session.fetch(statement("documents/list_documents"), index, after=None, limit=5)
    assert len(rows) == 1
    await asyncio.sleep(0.05)

"""What is due is done by itself, by one process at a time, while everybody goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import numpy as np
import orjson
import pytest

from app.domain.indexes import Index
from app.domain.planning import EF_LADDER
from app.services.maintenance import Maintainer, MaintenanceOptions
from app.settings import Settings
from app.storage.database import Database
from app.storage.indexes import IndexRepository
from app.storage.maintenance import MaintenanceRepository
from app.storage.statements import statement
from tests.conftest import make_settings, running
from tests.support.storage import catalog_of, connected, indexing_of, make_index, opened
from tests.support.waiting import eventually

THRESHOLD = 60
QUERY = [1.0, 0.5, 0, 0, 0, 0, 0, 0]


def document(number: int) -> dict[str, Any]:
    embedding = np.random.default_rng(number).normal(size=8)
    return {"id": f"document {number}", "content": f"text {number}", "embedding": embedding.tolist()}


async def write(client: httpx.AsyncClient, start: int, end: int) -> None:
    answer = await client.post("/documents", json={"documents": [document(number) for number in range(start, end)]})
    assert answer.status_code == 200, answer.text


async def ann(client: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get("/indexes/documents")).json()["ann"]
    return found


async def progress(client: httpx.AsyncClient) -> tuple[str, float]:
    found = await ann(client)
    return found["state"], found["progress"]


async def search(client: httpx.AsyncClient) -> tuple[str, list[str]]:
    answer = (await client.post("/search", json={"embedding": QUERY, "limit": 20})).json()
    return answer["strategy"], [hit["document_id"] for hit in answer["hits"]]


def maintainer_of(database: Database, threshold: int = THRESHOLD) -> Maintainer:
    return Maintainer(database, IndexRepository(database), MaintenanceOptions(ann_threshold=threshold))


@pytest.fixture
async def quiet(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """An application whose maintainer has been busy once and rests."""
    async with running(settings) as client:
        yield client


@asynccontextmanager
async def someone_reading(dsn: str) -> AsyncIterator[None]:
    """Hold an old snapshot: a build waits for it in the end."""
    async with connected(dsn) as connection:
        reading = connection.transaction(isolation="repeatable_read")
        await reading.start()
        await connection.fetchval("SELECT count(*) FROM documents")
        yield
        await reading.rollback()


async def release_maintainer(dsn: str) -> None:
    """End the resting maintainer's connection, so that the test's own can be it."""
    async with connected(dsn) as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'onyx-vector-search-maintenance' AND datname = current_database()"
        )

        await eventually(lambda: unlocked(connection))


async def unlocked(connection: asyncpg.Connection) -> bool:
    """Whether nobody is the maintainer of this database."""
    held = await connection.fetchval(
        "SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database "
        "WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.classid = 4003"
    )
    return bool(held == 0)


async def test_a_graph_is_built_when_it_pays_and_nobody_waits(dsn: str) -> None:
    async with running(make_settings(dsn, ann_threshold=THRESHOLD, maintenance_interval=0.1)) as client:
        await write(client, 0, THRESHOLD - 10)
        assert (await search(client))[0] == "exact"
        await asyncio.sleep(0.5)
        assert await progress(client) == ("none", 0.0)
        async with someone_reading(dsn):
            await write(client, THRESHOLD - 10, THRESHOLD + 40)

            async def building() -> bool:
                return bool((await ann(client))["state"] == "building")

            await eventually(building)
            assert 0.0 <= (await ann(client))["progress"] <= 1.0
            before = await search(client)
            assert before[0] == "exact"  # an unfinished graph answers nobody
            await write(client, THRESHOLD + 40, THRESHOLD + 50)  # and holds up no writer
            listed = (await client.get("/indexes")).json()["indexes"]
            assert [index["ann"]["state"] for index in listed] == ["building"]

        async def ready() -> bool:
            return await progress(client) == ("ready", 1.0)

        await eventually(ready)

        async def known() -> bool:  # though so few chunks are sooner measured
            question = {"embedding": QUERY, "limit": 20, "explain": True}
            plan = (await client.post("/search", json=question)).json()["plan"]
            return "post_filter" in plan["predicted_ms"]

        await eventually(known)
        exact = (await client.post("/search", json={"embedding": QUERY, "limit": 20, "exact": True})).json()
        assert (await search(client))[1] == [hit["document_id"] for hit in exact["hits"]]


async def interrupted_build(dsn: str, index: Index) -> None:
    """Leave what a build leaves whose process was killed."""
    text = statement("maintenance/create_ann_index").text(
        index_id=index.index_id, dimension=index.embedding_dimension, m=8, ef_construction=16
    )
    async with someone_reading(dsn), connected(dsn) as builder, connected(dsn) as observer:
        build = asyncio.create_task(builder.execute(text))

        async def waiting() -> bool:
            query = (
                "SELECT count(*) FROM pg_stat_progress_create_index "
                "WHERE phase LIKE 'waiting for%' AND datname = current_database()"
            )
            return bool(await observer.fetchval(query) == 1)

        await eventually(waiting)
        await observer.execute("SELECT pg_terminate_backend($1::integer)", builder.get_server_pid())
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError)):
            await build


async def test_a_build_that_was_cut_off_is_done_anew(quiet: httpx.AsyncClient, dsn: str) -> None:
    await write(quiet, 0, THRESHOLD)
    await release_maintainer(dsn)
    async with opened(dsn) as database:
        index = await catalog_of(database).get("public", "documents")
        await interrupted_build(dsn, index)
        assert (await ann(quiet))["state"] == "building"
        assert (await search(quiet))[0] == "exact"
        assert await maintainer_of(database).run_once()
        assert await progress(quiet) == ("ready", 1.0)
    async with connected(dsn) as connection:
        valid = await connection.fetch(
            "SELECT x.indisvalid FROM pg_index AS x JOIN pg_class AS c ON c.oid = x.indexrelid WHERE c.relname ~ 'hnsw'"
        )
    assert [row[0] for row in valid] == [True]


async def test_small_indexes_get_no_graph_and_each_index_its_own(quiet: httpx.AsyncClient, dsn: str) -> None:
    for name, dimension in (("wide", 2000), ("widest", 4000), ("narrow", 1)):
        await quiet.put(f"/indexes/{name}", json={"embedding_dimension": dimension, "access_control": False})
        documents = [{"id": str(n), "content": "x", "embedding": [1.0 + n] * dimension} for n in range(3)]
        await quiet.post("/documents", json={"index": name, "documents": documents})
    await quiet.put("/indexes/empty", json={"embedding_dimension": 3})
    await release_maintainer(dsn)
    async with opened(dsn) as database:
        assert await maintainer_of(database, threshold=3).run_once()
    states = {index["name"]: index["ann"]["state"] for index in (await quiet.get("/indexes")).json()["indexes"]}
    assert states == {"documents": "none", "empty": "none", "narrow": "ready", "wide": "ready", "widest": "ready"}


async def test_of_two_maintainers_one_works(quiet: httpx.AsyncClient, dsn: str) -> None:
    await write(quiet, 0, THRESHOLD)
    await release_maintainer(dsn)
    async with opened(dsn) as one, opened(dsn) as other:
        async with one.dedicated_session() as session:
            assert await MaintenanceRepository(session).try_lock()
            assert not await maintainer_of(other).run_once()
            assert (await ann(quiet))["state"] == "none"
        async with connected(dsn) as observer:
            await eventually(lambda: unlocked(observer))
        assert await maintainer_of(other).run_once()
        assert (await ann(quiet))["state"] == "ready"


async def test_a_maintainer_outlives_its_connection(dsn: str) -> None:
    async with running(make_settings(dsn, ann_threshold=THRESHOLD, maintenance_interval=0.1)) as client:
        await release_maintainer_once(dsn)
        await write(client, 0, THRESHOLD)

        async def ready() -> bool:
            return bool((await ann(client))["state"] == "ready")

        await eventually(ready)


async def release_maintainer_once(dsn: str) -> None:
    async with connected(dsn) as connection:

        async def ended() -> bool:
            return bool(
                await connection.fetchval(
                    "SELECT bool_or(pg_terminate_backend(pid)) FROM pg_stat_activity "
                    "WHERE application_name = 'onyx-vector-search-maintenance' AND datname = current_database()"
                )
            )

        await eventually(ended)


async def test_abandoned_uploads_are_swept_and_fresh_ones_stay(quiet: httpx.AsyncClient, dsn: str) -> None:
    uploads = {name: uuid4() for name in ("abandoned", "fresh", "committed")}
    chunks = [{"chunk_index": 0, "content": "x", "embedding": QUERY}]
    commit = {"document": {"id": "large"}, "parts": 1}
    for upload in uploads.values():
        assert (await quiet.put(f"/uploads/{upload}/parts/0", json={"chunks": chunks})).status_code == 200
    assert (await quiet.post(f"/uploads/{uploads['committed']}/commit", json=commit)).status_code == 200
    async with connected(dsn) as connection:
        await connection.execute(
            "UPDATE uploads SET started_at = now() - interval '3 hours' WHERE upload_id <> $1", uploads["fresh"]
        )
    await release_maintainer(dsn)
    async with opened(dsn) as database:
        assert await maintainer_of(database).run_once()
    async with connected(dsn) as connection:
        left = await connection.fetch("SELECT upload_id FROM uploads UNION ALL SELECT upload_id FROM upload_parts")
    assert [row[0] for row in left] == [uploads["fresh"]] * 2
    gone = await quiet.post(f"/uploads/{uploads['abandoned']}/commit", json=commit)
    assert (gone.status_code, gone.json()["code"]) == (404, "upload_not_found")
    assert (await quiet.post(f"/uploads/{uploads['fresh']}/commit", json=commit)).status_code == 200
    assert (await quiet.get("/documents/large")).status_code == 200


async def graph_of(dsn: str) -> tuple[int, dict[str, Any]]:
    """Return the file of the graph, and what was measured of it."""
    async with connected(dsn) as connection:
        node = await connection.fetchval("SELECT relfilenode FROM pg_class WHERE relname = 'chunk_embeddings_hnsw_1'")
        graph = await connection.fetchval("SELECT graph FROM indexes WHERE index_id = 1")
    return node, orjson.loads(graph)


async def is_worn(database: Database, removed: int) -> bool:
    """Whether what sessions counted is seen; those of other nodes report it when they have rested for a while."""
    for _ in range(6):
        async with database.session("write") as session:
            await session._connection.execute("SELECT pg_stat_force_next_flush()")
    index = await catalog_of(database).get("public", "documents")
    async with database.dedicated_session() as session:
        return (await MaintenanceRepository(session).graph_wear(index)).removed >= removed


async def test_a_new_graph_is_measured_and_searches_take_the_ef_search_that_does(
    quiet: httpx.AsyncClient, dsn: str
) -> None:
    await write(quiet, 0, 3 * THRESHOLD)
    await release_maintainer(dsn)
    async with opened(dsn) as database:
        assert await maintainer_of(database).run_once()
    _, graph = await graph_of(dsn)
    assert set(graph["recalls"]) == {str(ef) for ef in EF_LADDER}
    assert all(0.9 <= recall <= 1.0 for recall in graph["recalls"].values())
    least = min(int(ef) for ef, recall in graph["recalls"].items() if recall >= 0.99)
    await asyncio.sleep(1.1)  # the catalogue is remembered for a second
    shown = (await quiet.post("/search", json={"embedding": QUERY, "explain": True})).json()["plan"]
    assert shown["ef_search"] == least


async def test_a_worn_graph_is_built_anew_while_it_answers(quiet: httpx.AsyncClient, dsn: str) -> None:
    await write(quiet, 0, 3 * THRESHOLD)
    await release_maintainer(dsn)
    async with opened(dsn) as database:
        assert await maintainer_of(database).run_once()
        first, _ = await graph_of(dsn)
        assert await maintainer_of(database).run_once()
        assert (await graph_of(dsn))[0] == first  # nothing is due
        gone = [f"document {number}" for number in range(2 * THRESHOLD)]
        await indexing_of(database).delete("public", "documents", gone)
        await eventually(lambda: is_worn(database, 2 * THRESHOLD))
        assert await maintainer_of(database).run_once()
        second, graph = await graph_of(dsn)
        assert second != first
        assert graph["removed"] >= 2 * THRESHOLD
        assert await maintainer_of(database).run_once()
        assert (await graph_of(dsn))[0] == second
    assert await progress(quiet) == ("ready", 1.0)


@pytest.mark.one_postgres("catalogue")
async def test_what_a_rebuild_left_is_removed_and_the_old_graph_goes_on(quiet: httpx.AsyncClient, dsn: str) -> None:
    await write(quiet, 0, THRESHOLD)
    await release_maintainer(dsn)
    async with opened(dsn) as database:
        assert await maintainer_of(database).run_once()
        async with connected(dsn) as connection:
            await connection.execute(
                "CREATE INDEX chunk_embeddings_hnsw_1_ccnew ON chunk_embeddings_1 "
                "USING hnsw ((embedding::halfvec(8)) halfvec_cosine_ops)"
            )
            await connection.execute(
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'chunk_embeddings_hnsw_1_ccnew'::regclass"
            )
        assert (await ann(quiet))["state"] == "ready"
        assert await maintainer_of(database).run_once()
        async with connected(dsn) as connection:
            assert await connection.fetchval("SELECT to_regclass('chunk_embeddings_hnsw_1_ccnew')") is None
        assert (await ann(quiet))["state"] == "ready"


@pytest.mark.one_postgres("catalogue")
async def test_builds_get_the_memory_they_need_and_never_less_than_is_set(dsn: str) -> None:
    async with opened(dsn) as database:
        index = await make_index(database, "large", dimension=1000)
    text = statement("maintenance/set_build_memory").text(index_id=index.index_id, dimension=1000)
    async with connected(dsn) as connection:
        async with connection.transaction():
            await connection.execute("SET LOCAL maintenance_work_mem = '123MB'")
            assert await connection.fetchval(text, 2000) == "123MB"
        async with connection.transaction():
            await connection.execute("SET LOCAL maintenance_work_mem = '1MB'")
            await connection.execute(
                "UPDATE pg_class SET reltuples = 10000 WHERE oid = to_regclass($1)",
                f"chunk_embeddings_{index.index_id}",
            )
            assert await connection.fetchval(text, 2000) == "29296kB"  # 2,400 bytes a chunk, and a quarter over

"""Late writers: what is older than a known version changes nothing, and is told so."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import httpx
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import embedded
from app.domain.keys import document_key
from app.storage.database import Database
from app.storage.maintenance import MaintenanceRepository
from tests.api.calls import Json, chunk, document, found, index, stored, update
from tests.conftest import make_settings, running, temporary_database


async def delete(http: httpx.AsyncClient, *names: str, **fields: object) -> list[Json]:
    answer = await http.post("/documents/delete", json={"document_ids": list(names)} | fields)
    assert answer.status_code == 200, answer.text
    results: list[Json] = answer.json()["results"]
    return results


def indexed(name: str, *, existed: bool, chunks: int = 1, stale: bool = False) -> Json:
    return {"document_id": name, "already_existed": existed, "chunk_count": chunks} | ({"stale": True} if stale else {})


def changed(name: str, *, found: bool, chunks: int = 1, stale: bool = False) -> Json:
    return {"document_id": name, "found": found, "chunk_count": chunks} | ({"stale": True} if stale else {})


@pytest.mark.parametrize("mode", ["replace", "merge"])
async def test_an_older_document_is_left_out_of_its_batch(client: httpx.AsyncClient, mode: str) -> None:
    await index(client, document("a", chunks=2, version=10, boost=1))
    batch = [document("a", version=9, boost=2), document("b", version=9), document("c")]
    assert await index(client, *batch, mode=mode) == [
        indexed("a", existed=True, chunks=2, stale=True), indexed("b", existed=False), indexed("c", existed=False),
    ]  # fmt: skip
    shown = await stored(client, "a")
    assert (shown["boost"], shown["chunk_count"], shown["version"]) == (1, 2, 10)
    assert (await stored(client, "c"))["version"] is None


async def test_the_same_version_and_a_later_one_are_written(client: httpx.AsyncClient) -> None:
    for version, boost in ((10, 1), (10, 2), (11, 3)):
        await index(client, document("a", version=version, boost=boost))
        assert (await stored(client, "a"))["boost"] == boost
    assert (await stored(client, "a"))["version"] == 11


async def test_without_a_version_nothing_is_compared(client: httpx.AsyncClient) -> None:
    """It is written and deleted as ever; what later writers are measured by stays known until the delete."""
    await index(client, document("a", version=10))
    assert await index(client, document("a", boost=5)) == [indexed("a", existed=True)]
    assert await index(client, document("a", version=9)) == [indexed("a", existed=True, stale=True)]
    assert (await stored(client, "a"))["boost"] == 5
    assert await delete(client, "a") == [changed("a", found=True)]
    assert await index(client, document("a", version=1)) == [indexed("a", existed=False)]


async def test_a_deleted_document_is_not_brought_back_by_what_is_older(client: httpx.AsyncClient) -> None:
    await index(client, document("a", version=10))
    assert await delete(client, "a", "never", version=10) == [
        changed("a", found=True), changed("never", found=False, chunks=0),
    ]  # fmt: skip
    late = [document(name, version=10) for name in ("a", "never")]
    assert await index(client, *late) == [
        indexed(name, existed=False, chunks=0, stale=True) for name in ("a", "never")
    ]  # fmt: skip
    assert await found(client) == []
    assert await index(client, *late, mode="create") == [
        indexed(name, existed=False, chunks=0, stale=True) for name in ("a", "never")
    ]  # fmt: skip
    assert await index(client, document("a", version=11)) == [indexed("a", existed=False)]
    assert await found(client) == ["a"]


async def test_a_late_delete_leaves_what_is_newer(client: httpx.AsyncClient) -> None:
    await index(client, document("a", version=10), document("b", version=3))
    assert await delete(client, "a", "b", version=9) == [
        changed("a", found=True, chunks=0, stale=True), changed("b", found=True),
    ]  # fmt: skip
    one = await client.delete("/documents/a", params={"version": 9})
    assert one.json() == changed("a", found=True, chunks=0, stale=True)
    assert await found(client) == ["a"]
    one = await client.delete("/documents/a", params={"version": 10})
    assert one.json() == changed("a", found=True)
    assert await delete(client, "a", version=9) == [changed("a", found=False, chunks=0, stale=True)]


async def test_a_delete_of_one_writer_leaves_no_tombstone_for_anothers(client: httpx.AsyncClient) -> None:
    await index(client, document("a", version=10))
    assert await delete(client, "a", written_by="port", version=20) == [changed("a", found=False, chunks=0)]
    assert await index(client, document("a", version=11)) == [indexed("a", existed=True)]


async def test_updates_are_compared_too(client: httpx.AsyncClient) -> None:
    await index(client, document("a", version=10), document("b", version=1))
    answer = await update(client, {"document_ids": ["a", "b", "nowhere"], "boost": 3, "version": 5})
    assert answer == [
        changed("a", found=True, chunks=0, stale=True), changed("b", found=True),
        changed("nowhere", found=False, chunks=0),
    ]  # fmt: skip
    assert [(await stored(client, name))["boost"] for name in "ab"] == [0, 3]
    assert await index(client, document("b", version=4)) == [indexed("b", existed=True, stale=True)]
    several = [
        {"document_ids": ["a"], "boost": 7, "version": 5},
        {"document_ids": ["a"], "hidden": True, "version": 12},
    ]
    assert await update(client, *several) == [changed("a", found=True)]
    shown = await stored(client, "a")
    assert (shown["boost"], shown["hidden"], shown["version"]) == (7, True, 12)


async def test_an_upload_is_compared_at_its_commit(client: httpx.AsyncClient) -> None:
    await index(client, document("a", chunks=3, version=10))
    upload = str(uuid4())
    await client.put(f"/uploads/{upload}/parts/0", json={"chunks": [chunk()]})
    body = {"parts": 1, "document": {"id": "a", "version": 9}}
    for _ in range(2):
        answer = await client.post(f"/uploads/{upload}/commit", json=body)
        assert answer.json() == indexed("a", existed=True, chunks=3, stale=True)
    assert (await stored(client, "a"))["chunk_count"] == 3


async def test_a_creation_leaves_the_version_of_what_is_there(client: httpx.AsyncClient) -> None:
    await index(client, document("a", version=10))
    assert await index(client, document("a", version=20), document("b", version=7), mode="create") == [
        indexed("a", existed=True), indexed("b", existed=False),
    ]  # fmt: skip
    assert [(await stored(client, name))["version"] for name in "ab"] == [10, 7]


async def test_old_tombstones_are_swept(client: httpx.AsyncClient, dsn: str) -> None:
    await index(client, document("kept", version=10))
    await delete(client, "old", "young", version=10)
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "UPDATE document_versions SET deleted_at = $2 WHERE document_key = $1",
        document_key("old"),
        datetime.now(UTC) - timedelta(days=8),
    )
    async with Database(dsn).dedicated_session() as session:
        await MaintenanceRepository(session).delete_old_tombstones(timedelta(days=7))
    assert await connection.fetchval("SELECT count(*) FROM document_versions") == 2
    await connection.close()


async def test_a_slow_writer_that_meets_a_delete_does_not_win(dsn: str) -> None:
    """Whichever commits first: the document of version 10 is gone, or never came."""
    async with running(make_settings(dsn)) as http:
        for turn in range(10):
            name = f"document {turn}"
            order = [index(http, document(name, version=9)), delete(http, name, version=10)]
            await asyncio.gather(*(order if turn % 2 else reversed(order)))
        assert await found(http) == []


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["write", "delete", "update", "plain write", "plain delete"]),
        st.sampled_from("ab"),
        st.integers(0, 4),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_order_ends_as_the_model_says(
    postgres: embedded.EmbeddedServer, template: str, steps: list[tuple[str, str, int]]
) -> None:
    asyncio.run(_follow(postgres, template, steps))


class Model:
    """What must be there: documents by the boost they were last given, and fences by name."""

    def __init__(self) -> None:
        self.documents: dict[str, int] = {}
        self._fences: dict[str, tuple[int, bool]] = {}

    def apply(self, what: str, name: str, version: int, turn: int) -> bool:
        """Take one step; return whether it comes too late."""
        if what == "plain write":
            self.documents[name] = turn
            return False
        if what == "plain delete":
            if self.documents.pop(name, None) is not None:
                self._fences.pop(name, None)
            return False
        known, tombstone = self._fences.get(name, (-1, False))
        if what == "update" and name not in self.documents:
            return False
        if version < known or (version == known and tombstone and what == "write"):
            return True
        self._fences[name] = (version, what == "delete")
        if what == "delete":
            self.documents.pop(name, None)
        else:
            self.documents[name] = turn
        return False


async def _follow(postgres: embedded.EmbeddedServer, template: str, steps: list[tuple[str, str, int]]) -> None:
    model = Model()
    async with temporary_database(postgres, template) as dsn, running(make_settings(dsn)) as http:
        for turn, (what, name, version) in enumerate(steps):
            told: Json = {} if what.startswith("plain") else {"version": version}
            if what.endswith("write"):
                (result,) = await index(http, document(name, boost=turn, **told))
            elif what.endswith("delete"):
                (result,) = await delete(http, name, **told)
            else:
                (result,) = await update(http, {"document_ids": [name], "boost": turn} | told)
            assert result.get("stale", False) == model.apply(what, name, version, turn)
        assert await found(http) == sorted(model.documents)
        for name, boost in model.documents.items():
            assert (await stored(http, name))["boost"] == boost


async def test_a_stream_of_documents_is_compared_too(client: httpx.AsyncClient) -> None:
    await index(client, document("a", version=10))
    lines = b"\n".join(orjson.dumps(document(name, version=9)) for name in "ab")
    answer = await client.post("/documents/bulk", content=lines, headers={"content-type": "application/x-ndjson"})
    acknowledged = [orjson.loads(line) for line in answer.text.splitlines()][:-1]
    assert [name for line in acknowledged for name in line.get("stale", [])] == ["a"]
    assert (await stored(client, "a"))["version"] == 10

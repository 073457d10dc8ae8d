"""Writes under an idempotency key happen once, and are answered once."""

import asyncio
import gzip
from datetime import timedelta

import asyncpg
import httpx
import orjson
import pytest

from app.storage.database import Database
from app.storage.maintenance import MaintenanceRepository
from tests.api.calls import Json, document, found, index, stored, until
from tests.conftest import make_settings, running

Request = tuple[str, str, Json | None]

POST: Request = ("POST", "/documents", {"documents": [document("a")]})
PATCH: Request = ("PATCH", "/documents", {"updates": [{"document_ids": ["a"], "boost": 3}]})
DELETE_MANY: Request = ("POST", "/documents/delete", {"document_ids": ["a"]})
DELETE_ONE: Request = ("DELETE", "/documents/a", None)
WRITES = [POST, PATCH, DELETE_MANY, DELETE_ONE]
OTHERS: list[Request] = [
    ("POST", "/documents", {"documents": [document("b")]}),
    ("PATCH", "/documents", {"updates": [{"document_ids": ["a"], "boost": 4}]}),
    ("POST", "/documents/delete", {"document_ids": ["b"]}),
    ("DELETE", "/documents/b", None),
]
WAITING = "FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


async def send(http: httpx.AsyncClient, request: Request, key: str = "key", **headers: str) -> httpx.Response:
    method, path, body = request
    return await http.request(method, path, json=body, headers={"Idempotency-Key": key} | headers)


@pytest.mark.parametrize("write", WRITES, ids=lambda write: f"{write[0]} {write[1]}")
async def test_a_repetition_gets_the_first_answer_and_does_nothing(client: httpx.AsyncClient, write: Request) -> None:
    if write is not POST:
        await index(client, document("a"))
    first = await send(client, write)
    assert first.status_code == 200, first.text
    assert "idempotency-replayed" not in first.headers
    between = document("a", boost=7)
    await index(client, between)
    again = await send(client, write)
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert (await stored(client, "a"))["boost"] == 7


async def test_without_a_key_a_repetition_is_a_write_of_its_own(client: httpx.AsyncClient) -> None:
    assert [(await index(client, document("a")))[0]["already_existed"] for _ in range(2)] == [False, True]


@pytest.mark.parametrize(("write", "other"), list(zip(WRITES, OTHERS, strict=True)), ids=range(4))
async def test_another_request_under_the_same_key_is_refused(
    client: httpx.AsyncClient, write: Request, other: Request
) -> None:
    await send(client, write)
    for request in (other, (*write[:1], f"{write[1]}?index=documents", write[2])):
        refused = await send(client, request)
        assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
        assert refused.json()["errors"][0]["parameter"] == "Idempotency-Key"
    assert await found(client) == (["a"] if write is POST else [])


async def test_a_repetition_may_be_compressed_otherwise(client: httpx.AsyncClient) -> None:
    body = orjson.dumps(POST[2])
    plain = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    first = await client.post("/documents", content=body, headers=plain)
    again = await client.post("/documents", content=gzip.compress(body), headers=plain | {"Content-Encoding": "gzip"})
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")


async def test_keys_are_a_tenants_own(client: httpx.AsyncClient) -> None:
    for tenant in ("one", "other"):
        headers = {"X-Tenant-ID": tenant}
        made = await client.put(
            "/indexes/documents", json={"embedding_dimension": 8, "access_control": False}, headers=headers
        )
        assert made.status_code == 201
        answer = await send(client, POST, **headers)
        assert answer.json()["results"][0]["already_existed"] is False
        assert "idempotency-replayed" not in answer.headers


async def test_a_request_that_was_refused_may_come_again(client: httpx.AsyncClient) -> None:
    nowhere = {**(POST[2] or {}), "index": "later"}
    request: Request = ("POST", "/documents", nowhere)
    assert (await send(client, request)).status_code == 404
    await client.put("/indexes/later", json={"embedding_dimension": 8})
    done = await send(client, request)
    assert (done.status_code, done.json()["results"][0]["already_existed"]) == (200, False)


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\t", "ümlaut"])
async def test_a_key_that_is_none_is_refused(client: httpx.AsyncClient, key: str) -> None:
    headers = [(b"idempotency-key", key.encode("latin-1"))]
    refused = await client.post("/documents", json=POST[2], headers=headers)
    assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (422, "idempotency-key")


async def test_many_at_once_write_once(client: httpx.AsyncClient, dsn: str) -> None:
    answers = await asyncio.gather(*[send(client, POST) for _ in range(20)])
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}
    assert answers[0].json()["results"][0]["already_existed"] is False
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert await fetchval(dsn, "SELECT revision FROM documents") == 1


@pytest.mark.parametrize("end", ["commit", "rollback"])
async def test_one_that_comes_while_the_first_is_under_way_waits(dsn: str, end: str) -> None:
    """The first commits and the second is answered the same; or it fails, and the second does the work."""
    async with running(make_settings(dsn)) as http:
        connection = await asyncpg.connect(dsn)
        blocker = connection.transaction()
        await blocker.start()
        await connection.execute("LOCK TABLE chunks IN SHARE MODE")
        first = asyncio.create_task(send(http, POST))
        await until(lambda: held(dsn))
        second = asyncio.create_task(send(http, POST))
        await asyncio.sleep(0.3)
        assert not second.done()
        if end == "rollback":
            await fetchval(dsn, f"SELECT pg_cancel_backend(pid) {WAITING}")
            assert (await first).status_code == 504
        await blocker.rollback()
        await connection.close()
        answers = [await second] if end == "rollback" else [await first, await second]
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["results"][0]["already_existed"] for answer in answers} == {False}
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == (end == "commit")


async def test_one_that_waits_too_long_is_a_409(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.services.idempotency._PATIENCE", 0.3)
    async with running(make_settings(dsn)) as http:
        connection = await asyncpg.connect(dsn)
        async with connection.transaction():
            await connection.execute("LOCK TABLE chunks IN SHARE MODE")
            first = asyncio.create_task(send(http, POST))
            await until(lambda: held(dsn))
            refused = await send(http, POST)
            assert (refused.status_code, refused.json()["code"]) == (409, "idempotency_key_in_use")
        await connection.close()
        assert (await first).status_code == 200


async def test_old_answers_are_swept(client: httpx.AsyncClient, dsn: str) -> None:
    await send(client, POST, "old")
    await send(client, PATCH, "young")
    connection = await asyncpg.connect(dsn)
    await connection.execute("UPDATE idempotency_keys SET created_at = now() - interval '2 hours' WHERE key = 'old'")
    await connection.close()
    async with Database(dsn).dedicated_session() as session:
        assert await MaintenanceRepository(session).delete_old_answers(timedelta(hours=1)) == 1
    assert "idempotency-replayed" in (await send(client, PATCH, "young")).headers
    assert "idempotency-replayed" not in (await send(client, POST, "old")).headers


async def held(dsn: str) -> bool:
    return bool(await fetchval(dsn, f"SELECT count(*) {WAITING}"))


async def fetchval(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()

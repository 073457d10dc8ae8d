"""Indexes: created by whoever comes first, told apart by tenant, dropped and emptied."""

import asyncio
from uuid import UUID

import httpx
import pytest

from app.settings import Settings
from tests.api.calls import NEAR, Json, axis, base64_of, chunk, document, found, index, search, stored
from tests.conftest import make_settings, running


async def test_the_default_index_is_there_from_the_start(settings: Settings) -> None:
    async with running(settings.model_copy(update={"default_index": "seed", "default_dimension": 4})) as http:
        (only,) = (await http.get("/indexes")).json()["indexes"]
        assert (only["name"], only["embedding_dimension"], only["access_control"]) == ("seed", 4, False)
        await index(http, {"id": "a", "content": "plain", "embedding": [1, 0, 0, 0]})
        assert await found(http, embedding=[1, 0, 0, 0]) == ["a"]
        assert await found(http, embedding=[1, 0, 0, 0], index="seed") == ["a"]


async def test_put_creates_once_and_then_verifies(client: httpx.AsyncClient) -> None:
    body = {"embedding_dimension": 8, "language": "german", "access_control": False, "rank_profile": "rrf"}
    first = await client.put("/indexes/m", json=body)
    assert first.status_code == 201
    shown = first.json()
    assert {name: shown[name] for name in body} == body
    assert (shown["documents"], shown["chunks"], shown["ann"]["state"]) == (0, 0, "none")
    again = await client.put("/indexes/m", json=body)
    assert (again.status_code, again.json()) == (200, shown)
    less = await client.put("/indexes/m", json={"embedding_dimension": 8})
    assert less.status_code == 200


@pytest.mark.parametrize(
    "other",
    [
        {"embedding_dimension": 9},
        {"embedding_dimension": 8, "language": "french"},
        {"embedding_dimension": 8, "access_control": False},
        {"embedding_dimension": 8, "rank_profile": "vespa"},
    ],
)
async def test_an_index_that_differs_is_refused_and_left_alone(client: httpx.AsyncClient, other: Json) -> None:
    await client.put("/indexes/m", json={"embedding_dimension": 8})
    await index(client, document("a"), index="m")
    refused = await client.put("/indexes/m", json=other)
    assert refused.status_code == 409
    assert refused.json()["code"] == "index_mismatch"
    assert "DELETE /indexes/m" in refused.json()["detail"]
    assert (await client.get("/indexes/m")).json()["documents"] == 1


async def test_reset_replaces_an_index_that_differs_only(client: httpx.AsyncClient) -> None:
    await client.put("/indexes/m", json={"embedding_dimension": 8})
    await index(client, document("a"), index="m")
    same = await client.put("/indexes/m", params={"reset": True}, json={"embedding_dimension": 8})
    assert (same.status_code, same.json()["documents"]) == (200, 1)
    other = await client.put("/indexes/m", params={"reset": True}, json={"embedding_dimension": 3})
    assert (other.status_code, other.json()["documents"], other.json()["embedding_dimension"]) == (201, 0, 3)
    await index(client, {"id": "b", "access": {"public": True}, "content": "c", "embedding": [1, 0, 0]}, index="m")
    assert await found(client, {"access_control_list": []}, index="m", embedding=[1, 0, 0]) == ["b"]


async def test_callers_that_race_get_one_index(dsn: str) -> None:
    settings = make_settings(dsn)
    async with running(settings) as one, running(settings) as other:
        calls = [
            (one if turn % 2 else other).put(f"/indexes/m{turn % 3}", json={"embedding_dimension": 8})
            for turn in range(18)
        ]
        answers = await asyncio.gather(*calls)
        assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201] * 3
        assert [each["name"] for each in (await one.get("/indexes")).json()["indexes"]] == [
            "documents", "m0", "m1", "m2",
        ]  # fmt: skip


@pytest.mark.parametrize("dimension", [1, 384, 2000, 3072, 4000])
async def test_every_dimension_indexes_and_is_searched(client: httpx.AsyncClient, dimension: int) -> None:
    await client.put("/indexes/wide", json={"embedding_dimension": dimension, "access_control": False})
    last = axis(dimension - 1, dimension)
    documents = [{"id": "last", "content": "x", "embedding": last}]
    if dimension > 1:
        documents.append({"id": "first", "content": "y", "embedding": base64_of(axis(0, dimension))})
    await index(client, *documents, index="wide")
    hits = (await search(client, index="wide", embedding=last, limit=1))["hits"]
    assert [(hit["document_id"], hit["score"]) for hit in hits] == [("last", 1.0)]
    shown = await stored(client, "last", index="wide", embeddings=True)
    assert shown["chunks"][0]["embedding"] == base64_of(last)


async def test_tenants_share_nothing(client: httpx.AsyncClient) -> None:
    acme, zeta = {"X-Tenant-ID": "acme"}, {"X-Tenant-ID": "zeta"}
    for headers in (acme, zeta):
        body = {"embedding_dimension": 8, "access_control": False}
        assert (await client.put("/indexes/docs", json=body, headers=headers)).status_code == 201

    async def call(headers: dict[str, str], body: Json) -> list[str]:
        answer = await client.post("/search", json={"index": "docs", "embedding": NEAR} | body, headers=headers)
        return [hit["title"] for hit in answer.json()["hits"]]

    for headers, title in ((acme, "of acme"), (zeta, "of zeta")):
        titled = {"index": "docs", "documents": [document("same", title=title)]}
        assert not (await client.post("/documents", json=titled, headers=headers)).json()["results"][0][
            "already_existed"
        ]
    assert await call(acme, {}) == ["of acme"]
    assert await call(zeta, {}) == ["of zeta"]
    gone = {"index": "docs", "document_ids": ["same"]}
    assert (await client.post("/documents/delete", json=gone, headers=acme)).json()["results"][0]["found"]
    assert (await call(acme, {}), await call(zeta, {})) == ([], ["of zeta"])
    assert (await client.get("/documents/same", params={"index": "docs"})).status_code == 404
    listed = (await client.get("/indexes", headers=zeta)).json()["indexes"]
    assert [(each["name"], each["tenant_id"], each["documents"]) for each in listed] == [("docs", "zeta", 1)]
    await client.delete("/indexes/docs", headers=zeta)
    assert (await client.get("/indexes/docs", headers=acme)).status_code == 200


async def test_dropping_takes_everything_and_the_name_is_free(client: httpx.AsyncClient) -> None:
    await client.put("/indexes/m", json={"embedding_dimension": 8, "access_control": False})
    await index(client, document("a", chunks=3), index="m")
    assert (await client.delete("/indexes/m")).status_code == 204
    assert (await client.delete("/indexes/m")).status_code == 404
    assert (await client.get("/indexes/m")).json()["code"] == "index_not_found"
    assert (await client.put("/indexes/m", json={"embedding_dimension": 5})).status_code == 201
    shown = (await client.get("/indexes/m")).json()
    assert (shown["documents"], shown["embedding_dimension"]) == (0, 5)


async def test_another_process_learns_that_an_index_was_dropped(dsn: str) -> None:
    settings = make_settings(dsn)
    body = {"embedding_dimension": 8, "access_control": False}
    async with running(settings) as one, running(settings) as other:
        await one.put("/indexes/m", json=body)
        await index(one, document("a"), index="m")
        assert await found(one, index="m") == ["a"]
        await other.delete("/indexes/m")
        gone = await one.post("/search", json={"index": "m", "embedding": NEAR})
        assert (gone.status_code, gone.json()["code"]) == (404, "index_not_found")
        await other.put("/indexes/m", json=body)
        written = await one.post("/documents", json={"index": "m", "documents": [document("b")]})
        assert written.status_code == 200, written.text
        await one.get("/indexes/m")  # one remembers it from here on
        await other.delete("/indexes/m")
        refused = await one.post("/documents", json={"index": "m", "documents": [document("b")]})
        assert (refused.status_code, refused.json()["code"]) == (404, "index_not_found")
        patched = await one.patch("/documents", json={"index": "m", "updates": [{"document_ids": ["b"], "boost": 1}]})
        assert (patched.status_code, patched.json()["code"]) == (404, "index_not_found")


async def test_no_call_takes_a_dropped_index_for_an_empty_one(dsn: str) -> None:
    settings = make_settings(dsn)
    query = "index=m"
    calls: list[tuple[str, str, Json | None]] = [
        ("GET", "/indexes/m", None),
        ("GET", f"/documents?{query}", None),
        ("GET", f"/documents?{query}&ndjson=true", None),
        ("GET", f"/documents/a?{query}", None),
        ("DELETE", f"/documents/a?{query}", None),
        ("DELETE", "/indexes/m/documents", None),
        ("PUT", f"/uploads/{UUID(int=7)}/parts/0", {"index": "m", "chunks": [chunk(0)]}),
        ("POST", "/chunks/scan", {"index": "m", "document_ids": ["a"]}),
        ("POST", "/chunks/retrieve", {"index": "m", "sections": [{"document_id": "a"}]}),
        ("POST", "/search", {"index": "m", "mode": "random"}),
        ("POST", "/search", {"index": "m", "mode": "keyword", "query": "a"}),
        ("POST", "/search", {"index": "m", "mode": "hybrid", "query": "a", "embedding": NEAR}),
    ]
    async with running(settings) as one, running(settings) as other:
        for method, path, body in calls:
            await other.put("/indexes/m", json={"embedding_dimension": 8, "access_control": False})
            await index(one, document("a"), index="m")  # one remembers the index now
            await other.delete("/indexes/m")
            answer = await one.request(method, path, json=body)
            assert (answer.status_code, answer.json().get("code")) == (404, "index_not_found"), (method, path)


async def test_an_index_dropped_under_searches_and_writes_is_a_clear_answer(dsn: str) -> None:
    settings = make_settings(dsn)
    body = {"embedding_dimension": 8, "access_control": False}
    seen: set[tuple[int, str | None]] = set()
    async with running(settings) as one, running(settings) as other:
        await index(one, document("a"))

        async def use(turn: int) -> None:
            name = "m" if turn % 2 else "documents"
            possible: list[tuple[str, Json]] = [
                ("/search", {"embedding": NEAR}),
                ("/documents", {"documents": [document(f"d{turn}")]}),
                ("/search", {"query": "part", "embedding": NEAR, "mode": "hybrid"}),
            ]
            path, fields = possible[turn // 2 % 3]
            answer = await one.post(path, json={"index": name} | fields)
            seen.add((answer.status_code, answer.json().get("code")))

        async def replace() -> None:
            for _ in range(6):
                await other.put("/indexes/m", json=body)
                await asyncio.sleep(0.05)
                dropped = await other.delete("/indexes/m")
                assert dropped.status_code in {204, 503}, dropped.text

        await asyncio.gather(replace(), *[use(turn) for turn in range(48)])
    assert seen <= {(200, None), (404, "index_not_found"), (503, "database_unavailable"), (503, "overloaded")}
    assert (200, None) in seen


async def test_emptying_goes_in_bounded_steps(client: httpx.AsyncClient) -> None:
    await index(client, *[document(f"d{number}", chunks=2) for number in range(7)])
    steps = [(await client.delete("/indexes/documents/documents", params={"limit": 3})).json() for _ in range(4)]
    assert [(step["deleted"], step["remaining"]) for step in steps] == [(3, 4), (3, 1), (1, 0), (0, 0)]
    assert await found(client) == []
    shown = (await client.get("/indexes/documents")).json()
    assert (shown["documents"], shown["chunks"]) == (0, 0)


async def test_counts_follow_what_is_written(client: httpx.AsyncClient) -> None:
    async def counts() -> tuple[int, int]:
        shown = (await client.get("/indexes/documents")).json()
        return shown["documents"], shown["chunks"]

    await index(client, document("a", chunks=3), document("b", chunks=2, hidden=True))
    assert await counts() == (2, 5)
    await index(client, document("a", chunks=1))
    assert await counts() == (2, 3)
    await client.delete("/documents/b")
    assert await counts() == (1, 1)
    assert (await client.get("/indexes/documents")).json()["bytes"] > 0


async def test_the_default_index_keeps_its_dimension(dsn: str) -> None:
    async with running(make_settings(dsn)):
        pass
    with pytest.raises(Exception, match="VECTOR_DB_EMBEDDING_DIMENSION"):
        async with running(make_settings(dsn, default_dimension=9)):
            pass

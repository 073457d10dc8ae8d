"""Documents too large for one request: unseen until the commit, repeatable, forgotten when abandoned."""

from uuid import uuid4

import asyncpg
import httpx

from tests.api.calls import ALICE, FAR, Json, chunk, document, found, guarded_index, index, state, stored, until
from tests.conftest import make_settings, running


async def send(http: httpx.AsyncClient, upload: str, part: int, *chunks: Json, **fields: object) -> httpx.Response:
    return await http.put(f"/uploads/{upload}/parts/{part}", json={"chunks": list(chunks)} | fields)


async def commit(http: httpx.AsyncClient, upload: str, parts: int, head: Json, **fields: object) -> httpx.Response:
    return await http.post(f"/uploads/{upload}/commit", json={"document": head, "parts": parts} | fields)


async def test_parts_become_a_document_at_the_commit(client: httpx.AsyncClient) -> None:
    await index(client, document("big", chunks=9, hidden=True))
    upload = str(uuid4())
    sent = await send(client, upload, 1, chunk(3, "three"), chunk(2, "two"))
    assert (sent.status_code, sent.json()) == (200, {"upload_id": upload, "part": 1})
    await send(client, upload, 0, chunk(0, "zero", source_links={"0": "u"}, blurb="b"), chunk(1, "one"))
    assert (await stored(client, "big"))["chunk_count"] == 9
    done = await commit(client, upload, 2, {"id": "big", "title": "Big", "title_embedding": FAR})
    assert (done.status_code, done.json()) == (200, {"document_id": "big", "already_existed": True, "chunk_count": 4})
    shown = await stored(client, "big")
    assert [each["content"] for each in shown["chunks"]] == ["zero", "one", "two", "three"]
    assert (shown["title"], shown["hidden"], shown["chunk_count"]) == ("Big", True, 4)
    assert shown["chunks"][0]["source_links"] == {"0": "u"}


async def test_what_is_repeated_counts_once(client: httpx.AsyncClient) -> None:
    upload = str(uuid4())
    await send(client, upload, 0, chunk(0, "first"))
    await send(client, upload, 0, chunk(0, "sent again"))
    answers = [(await commit(client, upload, 1, {"id": "a"})).json() for _ in range(2)]
    assert answers == [{"document_id": "a", "already_existed": False, "chunk_count": 1}] * 2
    await index(client, document("a", boost=5))
    assert (await commit(client, upload, 1, {"id": "a"})).json() == answers[0]
    assert (await send(client, upload, 0, chunk(0, "late"))).status_code == 200
    assert (await stored(client, "a"))["boost"] == 5


async def test_a_commit_before_its_parts_is_told_so(client: httpx.AsyncClient) -> None:
    upload = str(uuid4())
    missing = await commit(client, upload, 1, {"id": "a"})
    assert (missing.status_code, missing.json()["code"]) == (404, "upload_not_found")
    await send(client, upload, 1, chunk(1))
    early = await commit(client, upload, 3, {"id": "a"})
    assert (early.status_code, early.json()["code"]) == (409, "upload_incomplete")
    assert "[0, 2]" in early.json()["detail"]
    assert await found(client) == []


async def test_a_chunk_in_two_parts_is_refused_and_nothing_written(client: httpx.AsyncClient) -> None:
    await index(client, document("a", chunks=2))
    before = await state(client)
    upload = str(uuid4())
    await send(client, upload, 0, chunk(0), chunk(1))
    await send(client, upload, 1, chunk(1))
    refused = await commit(client, upload, 2, {"id": "a", "boost": 4})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "duplicate")
    assert await state(client) == before


async def test_parts_and_commits_are_checked_against_the_index(client: httpx.AsyncClient) -> None:
    name = await guarded_index(client)
    upload = str(uuid4())
    wrong = await send(client, upload, 0, chunk(0), chunk(1, embedding=[1, 2]), index=name)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "embedding_dimension_mismatch")
    assert wrong.json()["errors"][0]["pointer"] == "/chunks/1/embedding"
    await send(client, upload, 0, chunk(0), index=name)
    open_to_all = await commit(client, upload, 1, {"id": "a"}, index=name)
    assert open_to_all.json()["errors"][0]["pointer"] == "/document/access"
    title = {"id": "a", "title_embedding": [1], "access": {"public": True}}
    short = await commit(client, upload, 1, title, index=name)
    assert short.json()["errors"][0]["pointer"] == "/document/title_embedding"
    access = {"public": False, "entries": [ALICE]}
    assert (await commit(client, upload, 1, {"id": "a", "access": access}, index=name)).status_code == 200
    assert await found(client, {"access_control_list": [ALICE]}, index=name) == ["a"]


async def test_an_upload_belongs_to_its_index_and_tenant(client: httpx.AsyncClient) -> None:
    name = await guarded_index(client)
    upload = str(uuid4())
    await send(client, upload, 0, chunk(0))
    elsewhere = await commit(client, upload, 1, {"id": "a", "access": {"public": True}}, index=name)
    assert elsewhere.json()["code"] == "upload_not_found"


async def test_an_upload_is_forgotten_on_request(client: httpx.AsyncClient) -> None:
    upload = str(uuid4())
    await send(client, upload, 0, chunk(0))
    assert (await client.delete(f"/uploads/{upload}")).status_code == 204
    assert (await client.delete(f"/uploads/{upload}")).status_code == 404
    assert (await commit(client, upload, 1, {"id": "a"})).json()["code"] == "upload_not_found"


async def test_abandoned_uploads_are_swept_and_live_ones_are_not(dsn: str) -> None:
    old, live = str(uuid4()), str(uuid4())
    connection = await asyncpg.connect(dsn)
    try:
        async with running(make_settings(dsn, maintenance_interval=0.1)) as http:
            for upload in (old, live):
                await send(http, upload, 0, chunk(0))
            await connection.execute(
                "UPDATE uploads SET started_at = now() - interval '3 hours' WHERE upload_id = $1", old
            )

            async def swept() -> bool:
                return bool(await connection.fetchval("SELECT count(*) = 1 FROM uploads"))

            await until(swept)
            assert await connection.fetchval("SELECT upload_id::text FROM upload_parts") == live
            assert (await commit(http, live, 1, {"id": "a"})).status_code == 200
    finally:
        await connection.close()


async def test_large_documents_go_through_in_parts(client: httpx.AsyncClient) -> None:
    upload = str(uuid4())
    for part in range(6):
        pieces = [chunk(part * 200 + place, f"c{part * 200 + place}") for place in range(200)]
        await send(client, upload, part, *pieces)
    assert (await commit(client, upload, 6, {"id": "big"})).json()["chunk_count"] == 1200
    shorter = str(uuid4())
    await send(client, shorter, 0, *[chunk(place, f"c{place}") for place in range(300)])
    answer = (await commit(client, shorter, 1, {"id": "big"})).json()
    assert answer == {"document_id": "big", "already_existed": True, "chunk_count": 300}
    assert len((await stored(client, "big"))["chunks"]) == 300

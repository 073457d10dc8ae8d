"""A stream of documents, line by line: what fits is written, what does not is refused by its number."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from itertools import islice
from typing import Any

import asyncpg
import httpx
import orjson
import pytest

from app.api import bulk
from tests.api.calls import NEAR, document
from tests.conftest import make_settings, running

HEADERS = {"content-type": "application/x-ndjson"}


def lines(*documents: object) -> bytes:
    return b"\n".join(text if isinstance(text, bytes) else orjson.dumps(text) for text in documents)


async def send(
    client: httpx.AsyncClient, body: bytes | AsyncIterator[bytes], query: str = "", **headers: str
) -> list[dict[str, Any]]:
    answer = await client.post(f"/documents/bulk{query}", content=body, headers=HEADERS | headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    return [orjson.loads(line) for line in answer.content.splitlines()]


async def stored(client: httpx.AsyncClient) -> dict[str, int]:
    page = (await client.get("/documents?limit=1000")).json()
    return {found["id"]: found["chunk_count"] for found in page["documents"]}


async def test_documents_are_acknowledged_by_their_lines(client: httpx.AsyncClient) -> None:
    body = lines(document("a", chunks=3), b"", document("b"), b"  ", {"id": "c", "content": "x", "embedding": NEAR})
    *acknowledged, last = await send(client, body)
    acknowledged.sort(key=lambda line: line["lines"])  # batches are written side by side
    assert acknowledged[0]["lines"][0] == 1
    assert acknowledged[-1]["lines"][1] == 5
    assert sum(line["documents"] for line in acknowledged) == 3
    assert last == {"complete": True, "documents": 3, "chunks": 5, "refused": 0}
    assert await stored(client) == {"a": 3, "b": 1, "c": 1}
    again = await send(client, body)
    assert sum(line["already_existed"] for line in again[:-1]) == 3


async def test_bad_lines_are_refused_and_the_others_go_on(client: httpx.AsyncClient) -> None:
    found = await send(
        client,
        lines(
            document("first"), b"{no json", {"id": "neither"}, document("first2") | {"colour": "red"},
            {"id": "short", "content": "x", "embedding": [1.0]}, b"\xff\xfe", b"[]", b'"\\ud800"',
            {"id": "nul\x00", "content": "x", "embedding": NEAR}, {"id": "bare", "content": "x"}, document("last"),
        ),
    )  # fmt: skip
    refused = {line["line"]: line for line in found if "line" in line}
    assert {number: line["code"] for number, line in refused.items()} == {
        2: "malformed_request", 3: "invalid_request", 4: "invalid_request", 5: "embedding_dimension_mismatch",
        6: "malformed_request", 7: "invalid_request", 8: "invalid_request", 9: "invalid_request",
        10: "embedding_missing",
    }  # fmt: skip
    assert refused[4]["errors"][0]["pointer"] == "/colour"
    assert refused[2]["status"] == 400
    assert refused[5]["errors"][0]["pointer"] == "/embedding"
    assert found[-1] == {"complete": True, "documents": 2, "chunks": 2, "refused": 9}
    assert set(await stored(client)) == {"first", "last"}


async def test_of_a_document_that_comes_twice_the_later_line_stays(client: httpx.AsyncClient) -> None:
    def versions() -> list[dict[str, Any]]:
        return [document("same", title=f"Version {number}", chunks=number % 3 + 1) for number in range(30)]

    *_, last = await send(client, lines(*versions(), document("other")))
    assert last["documents"] == 31
    shown = (await client.get("/documents/same?chunks=true")).json()
    assert (shown["title"], len(shown["chunks"])) == ("Version 29", 3)


async def test_gzip_is_taken_and_a_broken_stream_is_told(client: httpx.AsyncClient) -> None:
    body = lines(*(document(f"d{number}") for number in range(50)))
    *_, last = await send(client, gzip.compress(body), **{"content-encoding": "gzip"})
    assert last == {"complete": True, "documents": 50, "chunks": 50, "refused": 0}
    *_, problem, last = await send(client, gzip.compress(body)[:-9], **{"content-encoding": "gzip"})
    assert (problem["code"], "line" in problem, last["complete"]) == ("malformed_request", False, False)


async def test_pieces_may_end_anywhere(client: httpx.AsyncClient) -> None:
    body = lines(document("ü", title="Größe 東京"), document("b"), document("c")) + b"\n"

    async def byte_by_byte() -> AsyncIterator[bytes]:
        for place in range(0, len(body), 7):
            yield body[place : place + 7]

    assert (await send(client, byte_by_byte()))[-1]["documents"] == 3
    assert set(await stored(client)) == {"ü", "b", "c"}


async def test_the_mode_and_the_writer_are_those_of_the_query(client: httpx.AsyncClient) -> None:
    await send(client, lines(document("a", chunks=2)), "?written_by=port")
    await send(client, lines(document("a", chunks=1)), "?mode=merge&written_by=port")
    shown = (await client.get("/documents/a")).json()
    assert (shown["written_by"], shown["chunk_count"]) == ("port", 2)


async def test_a_stream_of_rubbish_is_not_read_to_its_end(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MAX_REFUSED", 5)
    *refused, stopped, last = await send(client, lines(document("a"), *[b"rubbish"] * 20, document("b")))
    assert len([line for line in refused if "line" in line]) == 6
    assert (stopped["code"], last["complete"]) == ("invalid_request", False)
    assert "b" not in await stored(client)


async def test_what_is_no_stream_of_documents_is_refused_at_once(client: httpx.AsyncClient) -> None:
    answer = await client.post("/documents/bulk", content=b"{}", headers={"content-type": "application/json"})
    assert answer.status_code == 415
    answer = await client.post("/documents/bulk", content=b"", headers=HEADERS | {"content-encoding": "br"})
    assert answer.status_code == 415
    answer = await client.post("/documents/bulk?index=none", content=b"{}", headers=HEADERS)
    assert (answer.status_code, answer.json()["code"]) == (404, "index_not_found")
    assert (await send(client, b""))[-1] == {"complete": True, "documents": 0, "chunks": 0, "refused": 0}


async def test_writes_beyond_the_queue_are_refused_with_retry_after(dsn: str) -> None:
    settings = make_settings(dsn, write_connections=2, max_waiting_writes=1)
    async with running(settings) as http:
        blocker = await asyncpg.connect(dsn)
        async with blocker.transaction():
            await blocker.execute("LOCK TABLE documents IN SHARE MODE")
            tasks = [
                asyncio.create_task(http.post("/documents", json={"documents": [document(f"d{number}")]}))
                for number in range(4)
            ]
            # One write is under way and one waits, until the third is refused: then nobody waits any more. Only once
            # all three are refused may the table be let go.
            for refused in [await answer for answer in islice(asyncio.as_completed(tasks, timeout=60), 3)]:
                assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
                assert refused.headers["retry-after"] == "1"
        answers = await asyncio.gather(*tasks)
        assert sorted(answer.status_code for answer in answers) == [200, 503, 503, 503]
        await blocker.close()

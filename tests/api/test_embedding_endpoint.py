"""Text without an embedding, where an OpenAI-compatible endpoint is configured, and where none is."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.api.calls import NEAR, Json, base64_of, chunk, found, index, search, state, stored
from tests.api.embeddings_endpoint import Endpoint, embedding_of, embeddings_endpoint
from tests.conftest import make_settings, running


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with embeddings_endpoint() as served:
        yield served


@pytest.fixture
async def http(dsn: str, endpoint: Endpoint) -> AsyncIterator[httpx.AsyncClient]:
    settings = make_settings(
        dsn, embedding_api_base=endpoint.base, embedding_api_key="sk-hidden", embedding_model="m1",
        embedding_timeout=0.5,
    )  # fmt: skip
    async with running(settings) as client:
        yield client


@pytest.mark.parametrize(("encoding", "reverse"), [("base64", False), ("float", False), ("base64", True)])
async def test_documents_and_searches_are_embedded(
    http: httpx.AsyncClient, endpoint: Endpoint, encoding: str, *, reverse: bool
) -> None:
    endpoint.encoding, endpoint.reverse = encoding, reverse
    await index(
        http,
        {"id": "simple", "title": "Title", "content": "one"},
        {"id": "mixed", "chunks": [{"chunk_index": 0, "content": "two"}, chunk(1, "given")]},
    )
    assert endpoint.texts == ["Title\none", "two"]
    assert endpoint.requests[0]["model"] == "m1"
    assert endpoint.requests[0]["encoding_format"] == "base64"
    assert endpoint.keys == ["bearer sk-hidden"]
    shown = await stored(http, "mixed", embeddings=True)
    assert shown["chunks"][1]["embedding"] == base64_of(NEAR)
    answer = (await http.post("/search", json={"query": "two", "mode": "semantic"})).json()
    assert (answer["hits"][0]["document_id"], answer["hits"][0]["chunk_index"]) == ("mixed", 0)
    explained = (await http.post("/search", json={"query": "two", "mode": "semantic", "explain": True})).json()
    assert {phase["name"]: phase["ms"] for phase in explained["phases"]}["embedding"] > 0
    assert answer["hits"][0]["score"] == pytest.approx(1.0, abs=1e-3)


async def test_many_texts_go_in_several_calls_and_keep_their_order(http: httpx.AsyncClient, endpoint: Endpoint) -> None:
    await index(http, {"id": "a", "chunks": [{"chunk_index": n, "content": f"t{n}"} for n in range(300)]})
    assert [len(request["input"]) for request in endpoint.requests] == [128, 128, 44]
    for place in (0, 127, 128, 299):
        hits = (await search(http, embedding=embedding_of(f"t{place}", 8), limit=1))["hits"]
        assert hits[0]["chunk_index"] == place


async def test_nothing_is_asked_where_everything_came(http: httpx.AsyncClient, endpoint: Endpoint) -> None:
    await index(http, {"id": "a", "chunks": [chunk(0)]})
    assert await found(http) == ["a"]
    assert endpoint.requests == []


FAULTS = [
    {"dimension": 7},
    {"status": 500},
    {"status": 401},
    {"delay": 2.0},
    {"raw": b"not json"},
    {"raw": b"[]"},
    {"raw": b'{"data": []}'},
    {"raw": b'{"data": [{"index": 0, "embedding": [1, 2, 3, 4, 5, 6, 7, null]}]}'},
    {"raw": b'{"data": [{"index": 0, "embedding": "AAA"}]}'},
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_an_endpoint_at_fault_is_a_502_and_nothing_is_written(
    http: httpx.AsyncClient, endpoint: Endpoint, fault: Json
) -> None:
    await index(http, {"id": "kept", "content": "text"})
    before = await state(http)
    for name, value in fault.items():
        setattr(endpoint, name, value)
    written = await http.post("/documents", json={"documents": [{"id": "a", "content": "text"}]})
    searched = await http.post("/search", json={"query": "text", "mode": "semantic"})
    for answer in (written, searched):
        assert (answer.status_code, answer.json()["code"]) == (502, "embedding_unavailable")
        assert "sk-hidden" not in answer.text
    assert await state(http) == before


async def test_an_endpoint_that_is_away_is_a_502(dsn: str) -> None:
    async with running(make_settings(dsn, embedding_api_base="http://127.0.0.1:9/v1")) as http:
        answer = await http.post("/documents", json={"documents": [{"id": "a", "content": "text"}]})
        assert (answer.status_code, answer.json()["code"]) == (502, "embedding_unavailable")


async def test_without_an_endpoint_an_embedding_is_asked_for(client: httpx.AsyncClient) -> None:
    before = await state(client)
    body = {
        "documents": [{"id": "a", "content": "x"}, {"id": "b", "chunks": [chunk(0), {"chunk_index": 1, "content": ""}]}]
    }
    refused = await client.post("/documents", json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "embedding_missing")
    assert [flaw["pointer"] for flaw in refused.json()["errors"]] == [
        "/documents/0/embedding", "/documents/1/chunks/1/embedding",
    ]  # fmt: skip
    assert await state(client) == before
    searched = await client.post("/search", json={"query": "x", "mode": "semantic"})
    assert (searched.status_code, searched.json()["code"]) == (422, "embedding_missing")
    assert searched.json()["errors"][0]["pointer"] == "/embedding"

from typing import Any

import httpx


async def add(client: httpx.AsyncClient, **texts: str) -> None:
    documents = [
        {"id": name, "title": None, "content": text, "embedding": [1.0, i + 1, 0, 0, 0, 0, 0, 1]}
        for i, (name, text) in enumerate(texts.items())
    ]
    answer = await client.post("/documents", json={"documents": documents})
    assert answer.status_code == 200, answer.text


async def find(client: httpx.AsyncClient, query: str, **more: object) -> dict[str, Any]:
    answer = await client.post("/search", json={"query": query, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ids(found: dict[str, Any]) -> list[str]:
    return [hit["document_id"] for hit in found["hits"]]


async def test_a_word_finds_what_holds_it(client: httpx.AsyncClient) -> None:
    await add(client, a="the pump failed", b="pump pump pump", c="nothing here")
    found = await find(client, "pumps")
    assert found["mode"] == "keyword"
    assert ids(found) == ["b", "a"]
    assert found["exact"]
    hybrid = await find(client, "pump", embedding=[1.0, 0, 0, 0, 0, 0, 0, 1])
    assert hybrid["mode"] == "hybrid"
    assert len(hybrid["hits"]) == 3
    for profile in ("default", "vespa", "opensearch", "rrf"):
        explained = await find(
            client,
            "pump failed",
            embedding=[1.0, 0, 0, 0, 0, 0, 0, 1],
            explain=True,
            rank_profile=profile,
            feedback=True,
        )
        for hit in explained["hits"]:
            parts = [value for name, value in hit["features"].items() if name.startswith("part_")]
            assert abs(sum(parts) - hit["score"]) < 1e-9

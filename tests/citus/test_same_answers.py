"""Answers on Citus are those of one PostgreSQL: the same chunks, in the same order, with the same scores."""

import asyncio
from typing import Any

import httpx
import numpy as np
import pytest

from tests.api.calls import base64_of

Json = dict[str, Any]
WORDS = ["budget", "review", "contract", "vacation", "policy", "server", "outage", "invoice", "travel", "report"]
WORDS += ["onboarding", "security"]
GROUPS = ["group:eng", "group:law", "group:ops"]
DOCUMENTS = 120

FILTERS: dict[str, Json] = {
    "nothing": {"access_control_list": None},
    "access": {"access_control_list": ["group:eng"]},
    "few": {"access_control_list": None, "tags": [{"key": "year", "value": "2003"}]},
    "source": {"access_control_list": ["group:law", "group:ops"], "source_type": ["slack"]},
    "sets and times": {
        "access_control_list": None,
        "document_sets": ["Legal"],
        "created_at": {"start": "2024-02-01T00:00:00Z", "end": None},
    },
    "ids": {"access_control_list": None, "document_ids": [f"document {n}" for n in range(0, DOCUMENTS, 7)]},
    "hidden": {"access_control_list": None, "hidden": True},
    "none": {"access_control_list": ["nobody"], "source_type": ["nothing"]},
}
REQUESTS: dict[str, Json] = {
    "semantic": {"mode": "semantic", "limit": 25},
    "exact": {"mode": "semantic", "limit": 25, "exact": True},
    "keyword": {"mode": "keyword", "query": "contract review policy", "limit": 25},
    "rare words": {"mode": "keyword", "query": "onboarding", "limit": 5},
    "a typo": {"mode": "keyword", "query": "contrct", "limit": 10},
    "hybrid": {"mode": "hybrid", "query": "security outage report", "limit": 10},
    "rrf": {"mode": "hybrid", "query": "travel invoice", "limit": 10, "rank_profile": "rrf"},
}


def document(number: int) -> Json:
    """Make a document of one to four chunks, the same one each time."""
    random = np.random.default_rng(number)
    return {
        "id": f"document {number}",
        "title": " ".join(random.choice(WORDS, 3)),
        "title_embedding": base64_of(random.normal(size=8).tolist()),
        "source_type": ["web", "slack", "user_file"][number % 3],
        "metadata": {"year": str(2000 + number % 10)},
        "document_sets": ["Legal"] if number % 4 == 0 else [],
        "access": {"public": number % 5 == 0, "entries": [GROUPS[number % 3]]},
        "boost": number % 7 - 3,
        "hidden": number % 11 == 0,
        "created_at": None if number % 13 == 0 else f"2024-{1 + number % 12:02}-05T00:00:00Z",
        "chunks": [
            {
                "chunk_index": place,
                "content": " ".join(random.choice(WORDS, 12)),
                "embedding": base64_of(random.normal(size=8).tolist()),
            }
            for place in range(1 + number % 4)
        ],
    }


async def fill(http: httpx.AsyncClient) -> None:
    """Write the documents, some of them twice; change some and delete some."""
    made = await http.put("/indexes/library", json={"embedding_dimension": 8, "access_control": True})
    assert made.status_code == 201, made.text
    for first in range(0, DOCUMENTS, 40):
        await wrote(http, [document(number) for number in range(first, first + 40)])
    await wrote(http, [document(number) | {"chunks": document(number + 1)["chunks"]} for number in range(0, 20, 2)])
    updates = [
        {"document_ids": [f"document {n}" for n in range(3, 30, 3)], "boost": 9},
        {"document_ids": [f"document {n}" for n in range(9, 60, 9)], "access": {"public": True, "entries": []}},
    ]
    changed = await http.patch("/documents", json={"index": "library", "updates": updates})
    assert changed.status_code == 200, changed.text
    gone = {"index": "library", "document_ids": [f"document {n}" for n in range(5, DOCUMENTS, 17)]}
    deleted = await http.post("/documents/delete", json=gone)
    assert deleted.status_code == 200, deleted.text


async def wrote(http: httpx.AsyncClient, documents: list[Json]) -> None:
    """Write a batch."""
    answer = await http.post("/documents", json={"index": "library", "documents": documents})
    assert answer.status_code == 200, answer.text


async def ask(http: httpx.AsyncClient, request: Json, filters: Json) -> list[Json]:
    """Search; return the hits with all that is shown of them."""
    embedding = base64_of(np.random.default_rng(99).normal(size=8).tolist())
    body = {"index": "library", "embedding": embedding, "filters": filters} | request
    answer = await http.post("/search", json=body)
    assert answer.status_code == 200, answer.text
    hits: list[Json] = answer.json()["hits"]
    return hits


def _shown(hit: Json) -> Json:
    return {name: value for name, value in hit.items() if name not in {"score", "features"}}


async def test_every_search_answers_the_same(client: httpx.AsyncClient, one_client: httpx.AsyncClient) -> None:
    await asyncio.gather(fill(client), fill(one_client))
    found = 0
    for kind, request in REQUESTS.items():
        for name, filters in FILTERS.items():
            ours, theirs = await asyncio.gather(ask(client, request, filters), ask(one_client, request, filters))
            assert [_shown(hit) for hit in ours] == [_shown(hit) for hit in theirs], f"{kind} with {name}"
            # Hybrid ranking multiplies matrices of float32, whose last digits depend on where they lie in memory.
            assert [hit["score"] for hit in ours] == pytest.approx([hit["score"] for hit in theirs], rel=1e-6)
            found += len(ours)
    assert found > 10 * len(FILTERS)


async def test_documents_and_counts_are_the_same(client: httpx.AsyncClient, one_client: httpx.AsyncClient) -> None:
    await asyncio.gather(fill(client), fill(one_client))
    for path in ("/documents?index=library&limit=500", "/documents/document%203?index=library"):
        ours, theirs = await asyncio.gather(client.get(path), one_client.get(path))
        assert ours.status_code == 200, ours.text
        assert ours.json() == theirs.json()
    ours, theirs = await asyncio.gather(client.get("/indexes/library"), one_client.get("/indexes/library"))
    assert [ours.json()[name] for name in ("documents", "chunks")] == [
        theirs.json()[name] for name in ("documents", "chunks")
    ]
    assert ours.json()["bytes"] > 0


@pytest.mark.parametrize("name", ["few", "ids"])
async def test_sections_are_the_same(client: httpx.AsyncClient, one_client: httpx.AsyncClient, name: str) -> None:
    await asyncio.gather(fill(client), fill(one_client))
    body = {
        "index": "library",
        "sections": [{"document_id": f"document {number}", "min_chunk_index": 0} for number in (3, 13, 21, 23)],
        "filters": FILTERS[name],
    }
    ours, theirs = await asyncio.gather(*(http.post("/chunks/retrieve", json=body) for http in (client, one_client)))
    assert ours.status_code == 200, ours.text
    assert ours.json() == theirs.json()
    assert ours.json()["chunks"]

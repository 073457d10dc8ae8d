"""Measuring recall over the API, and asking for it."""

from typing import Any

import httpx
import numpy as np
import pytest

from tests.support.storage import connected

DOCUMENTS = 120


@pytest.fixture
async def filled(client: httpx.AsyncClient, dsn: str) -> httpx.AsyncClient:
    source = np.random.default_rng(9)
    documents: list[dict[str, Any]] = [
        {
            "id": f"d{n}",
            "content": "text",
            "source_type": "web" if n % 2 else "slack",
            "document_sets": ["rare"] if n % 30 == 0 else [],
            "embedding": source.normal(size=8).tolist(),
        }
        for n in range(DOCUMENTS)
    ]
    written = await client.post("/documents", json={"documents": documents})
    assert written.status_code == 200, written.text
    async with connected(dsn) as connection:
        await connection.execute("ANALYZE documents_1")
    return client


async def test_recall_is_measured_for_every_selectivity_there_is(filled: httpx.AsyncClient) -> None:
    answer = (await filled.post("/search/recall", json={"queries": 5, "k": 3})).json()
    assert answer.get("k") == 3, answer
    by_filter = {str(measured["filters"]): measured for measured in answer["measured"]}
    assert set(by_filter) == {
        "{}",
        "{'source_type': ['slack']}",
        "{'source_type': ['web']}",
        "{'document_sets': ['rare']}",
    }
    for measured in by_filter.values():
        assert (measured["queries"], measured["recall"], measured["least"], measured["short"]) == (5, 1.0, 1.0, 0)
        assert measured["strategies"] == {"exact": 5}
    assert by_filter["{}"]["bucket"] == "50-100%"
    assert by_filter["{'document_sets': ['rare']}"]["bucket"] == "1-10%"
    assert by_filter["{'document_sets': ['rare']}"]["share"] == pytest.approx(4 / DOCUMENTS, abs=0.01)


async def test_recall_is_measured_for_the_filters_that_are_given(filled: httpx.AsyncClient) -> None:
    filters = [{"source_type": ["web"], "document_sets": ["rare"]}, {"document_sets": ["none"]}]
    body = {"queries": 3, "filters": filters}
    nothing, none = (await filled.post("/search/recall", json=body)).json()["measured"]
    assert (nothing["filters"], nothing["strategies"], nothing["recall"]) == ({}, {"empty": 3}, 1.0)
    assert none["strategies"] == {"empty": 3}


async def test_an_index_under_access_control_wants_to_know_who_asks(client: httpx.AsyncClient) -> None:
    await client.put("/indexes/guarded", json={"embedding_dimension": 8})
    refused = await client.post("/search/recall", json={"index": "guarded", "filters": [{"source_type": ["web"]}]})
    assert (refused.status_code, refused.json()["code"]) == (422, "access_control_list_required")
    assert (await client.post("/search/recall", json={"index": "guarded", "queries": 1})).status_code == 200
    assert (await client.post("/search/recall", json={"index": "nowhere"})).status_code == 404


async def test_a_search_may_ask_for_recall_and_for_the_plan(filled: httpx.AsyncClient) -> None:
    question = {"embedding": [1, 0, 0, 0, 0, 0, 0, 0], "min_recall": 1, "explain": True}
    answer = (await filled.post("/search", json=question)).json()
    assert (answer["strategy"], answer["exact"], len(answer["hits"])) == ("exact", True, 10)
    plan = answer["plan"]
    assert (plan["recall"], plan["chunks"]) == (1.0, DOCUMENTS)
    assert [(step["strategy"], step["rows"]) for step in plan["taken"]] == [("exact", 10)]
    assert (await filled.post("/search", json={"embedding": [1] * 8})).json()["plan"] is None
    hybrid = {"query": "text", "embedding": [1] * 8, "explain": True}
    assert (await filled.post("/search", json=hybrid)).json()["plan"]["taken"]
    for wrong in (0.4, 1.1, "much"):
        assert (await filled.post("/search", json=question | {"min_recall": wrong})).status_code == 422

"""Hybrid search through HTTP."""

import math
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import numpy as np
import pytest

from tests.api.calls import NEAR, Json, index

PROFILES = ("default", "vespa", "opensearch", "rrf")
WORDS = ["pump", "seal", "valve", "gasket", "bearing", "rotor", "stator", "impeller", "flange", "coupling"]


async def hybrid(client: httpx.AsyncClient, query: str, **more: object) -> Json:
    body = {"query": query, "mode": "hybrid", "embedding": NEAR, "limit": 100} | more
    answer = await client.post("/search", json=body)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def ids(found: Json) -> list[str]:
    return [hit["document_id"] for hit in found["hits"]]


async def analyse(dsn: str) -> None:
    """Take statistics now: scores move a little when PostgreSQL does by itself, which a slow test lives to see."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


@pytest.fixture
async def library(client: httpx.AsyncClient, dsn: str) -> httpx.AsyncClient:
    """Index sixty documents with words, directions, votes and ages at random, and their statistics."""
    chance = np.random.default_rng(11)
    documents = []
    for number in range(60):
        title = " ".join(chance.choice(WORDS, 2))
        document: Json = {
            "id": f"d{number:02}",
            "title": title,
            "content": " ".join(chance.choice(WORDS, int(chance.integers(3, 30)))),
            "embedding": chance.normal(0.2, 1, 8).tolist(),
            "title_embedding": chance.normal(0.2, 1, 8).tolist() if number % 3 else None,
            "boost": int(chance.choice([0, 0, -4, 5])),
        }
        if number % 4:
            document["updated_at"] = (datetime.now(UTC) - timedelta(days=int(chance.integers(0, 900)))).isoformat()
        documents.append(document)
    await index(client, *documents)
    await analyse(dsn)
    return client


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("options", [{}, {"feedback": True}, {"query_type": "keyword"}, {"hybrid_alpha": 0.7}])
async def test_the_parts_add_up_to_the_score(library: httpx.AsyncClient, profile: str, options: Json) -> None:
    found = await hybrid(library, "pump seal rotor", rank_profile=profile, explain=True, **options)
    assert found["rank_profile"] == profile
    assert len(found["hits"]) == 60
    scores = [hit["score"] for hit in found["hits"]]
    assert scores == sorted(scores, reverse=True)
    for hit in found["hits"]:
        parts = [value for name, value in hit["features"].items() if name.startswith("part_")]
        assert sum(parts) == pytest.approx(hit["score"], abs=1e-9)


@pytest.mark.parametrize("profile", PROFILES)
async def test_explained_hits_name_their_place_in_each_list(library: httpx.AsyncClient, profile: str) -> None:
    found = await hybrid(library, "pump", rank_profile=profile, explain=True, candidate_limit=25, limit=25)
    near = (await library.post("/search", json={"embedding": NEAR, "limit": 25})).json()["hits"]
    words = (await library.post("/search", json={"query": "pump", "mode": "keyword", "limit": 25})).json()["hits"]
    for hit in found["hits"]:
        chunk = (hit["document_id"], hit["chunk_index"])
        for ranks, feature in ((near, "vector_rank"), (words, "keyword_rank")):
            places = [n for n, other in enumerate(ranks, 1) if (other["document_id"], other["chunk_index"]) == chunk]
            assert hit["features"].get(feature) == (places[0] if places else None)
        assert {"vector_rank", "keyword_rank"} & hit["features"].keys()


async def test_explained_phases_add_up_to_the_time_it_took(library: httpx.AsyncClient) -> None:
    assert "phases" not in await hybrid(library, "pump")
    found = await hybrid(library, "pump", explain=True)
    phases = {phase["name"]: phase["ms"] for phase in found["phases"]}
    assert {
        "search/nearest_exact",
        "search/keyword_scan",
        "search/score_candidates",
        "search/list_hits",
    } <= phases.keys()
    assert list(phases)[-1] == "service"
    assert all(ms >= 0 for ms in phases.values())
    assert sum(phases.values()) == pytest.approx(found["took_ms"], rel=0.01)


@pytest.mark.parametrize(("query_type", "alpha"), [("semantic", 0.5), ("keyword", 0.2)])
async def test_vespa_can_be_computed_from_its_features(
    library: httpx.AsyncClient, query_type: str, alpha: float
) -> None:
    found = await hybrid(library, "pump seal rotor", rank_profile="vespa", query_type=query_type, explain=True)
    features = [hit["features"] for hit in found["hits"]]
    near = [1 / (1 + math.acos(f["cosine"])) for f in features]
    title = [1 / (1 + math.acos(f["title_cosine"])) if "title_cosine" in f else 0.0 for f in features]

    def scaled(values: list[float]) -> list[float]:
        low, high = min(values), max(values)
        return [(value - low) / (high - low) for value in values]

    best = scaled([max(pair) for pair in zip(near, title, strict=True)])
    near = scaled(near)
    bm25_title = scaled([f["bm25_title"] for f in features])
    bm25_content = scaled([f["bm25_content"] for f in features])
    for place, hit in enumerate(found["hits"]):
        age = 7_890_000 / 31_536_000
        if hit["updated_at"] is not None:
            then = datetime.fromisoformat(hit["updated_at"])
            age = (datetime.now(UTC) - then).total_seconds() / 31_536_000
        sigmoid = 1 / (1 + math.exp(-hit["boost"] / 3))
        score = alpha * (0.1 * best[place] + 0.9 * near[place])
        score += (1 - alpha) * (0.1 * bm25_title[place] + 0.9 * bm25_content[place])
        score *= (0.5 + sigmoid if hit["boost"] < 0 else 2 * sigmoid) * max(1 / (1 + 0.5 * age), 0.75)
        assert hit["score"] == pytest.approx(score, abs=1e-4)


@pytest.mark.parametrize("options", [{}, {"feedback": True}])
async def test_the_head_does_not_depend_on_the_limit(library: httpx.AsyncClient, options: Json) -> None:
    whole = ids(await hybrid(library, "pump seal", **options))
    for limit in (1, 5, 10, 30):
        assert ids(await hybrid(library, "pump seal", limit=limit, **options)) == whole[:limit]


async def before_statistics_move(client: httpx.AsyncClient, query: str) -> tuple[Json, Json]:
    """Search with few and with many candidates by the same statistics: who asks as at first is answered as at first."""
    while True:
        few = await hybrid(client, query, limit=10, candidate_limit=200)
        many = await hybrid(client, query, limit=10, candidate_limit=1000)
        again = await hybrid(client, query, limit=10, candidate_limit=200)
        if few["hits"] == again["hits"]:
            return few, many


async def test_candidates_beyond_the_hundredth_change_nothing(client: httpx.AsyncClient, dsn: str) -> None:
    chance = np.random.default_rng(3)
    await index(
        client,
        *(
            {
                "id": f"d{number:03}",
                "content": " ".join(chance.choice(WORDS, int(chance.integers(3, 30)))),
                "embedding": chance.normal(0.2, 1, 8).tolist(),
            }
            for number in range(600)
        ),
    )
    await analyse(dsn)
    for query in ("pump", "seal rotor", "gasket flange coupling bearing"):
        few, many = await before_statistics_move(client, query)
        assert ids(few) == ids(many)


async def test_a_chunk_of_one_list_has_both_scores(client: httpx.AsyncClient) -> None:
    await index(
        client,
        {"id": "near", "content": "something else", "embedding": NEAR},
        {"id": "words", "content": "pump", "embedding": [-1.0, 0.5, 0, 0, 0, 0, 0, 0]},
    )
    found = await hybrid(client, "pump")
    assert {hit["document_id"]: set(hit["features"]) for hit in found["hits"]} == {
        "near": {"cosine", "bm25"},
        "words": {"cosine", "bm25"},
    }
    by_id = {hit["document_id"]: hit["features"] for hit in found["hits"]}
    assert by_id["near"]["bm25"] == 0
    assert by_id["words"]["cosine"] == pytest.approx(-1 / math.sqrt(1.25), abs=1e-3)


@pytest.mark.parametrize("profile", ["default", "vespa"])
async def test_votes_and_age_order_what_is_else_equal(client: httpx.AsyncClient, profile: str) -> None:
    old = (datetime.now(UTC) - timedelta(days=700)).isoformat()
    new = datetime.now(UTC).isoformat()
    same: Json = {"content": "pump seal", "embedding": NEAR}
    other: Json = {"content": "valve", "embedding": [0.5, 1.0, 0, 0, 0, 0, 0, 0], "updated_at": new}
    await index(
        client,
        same | {"id": "a-disliked", "boost": -6, "updated_at": new},
        same | {"id": "b-old", "updated_at": old},
        same | {"id": "c-new", "updated_at": new},
        same | {"id": "d-liked", "boost": 6, "updated_at": new},
        other | {"id": "e-other"},
    )
    found = ids(await hybrid(client, "pump", rank_profile=profile))
    assert found[:4] == ["d-liked", "c-new", "b-old", "a-disliked"]


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_phrase_binds_every_hit(client: httpx.AsyncClient, profile: str) -> None:
    await index(
        client,
        {"id": "exact", "content": "a pump seal failed", "embedding": [0, 1.0, 0, 0, 0, 0, 0, 0]},
        {"id": "scattered", "content": "seal of a pump", "embedding": NEAR},
    )
    assert ids(await hybrid(client, '"pump seal"', rank_profile=profile)) == ["exact"]


async def test_the_profile_of_the_index_holds_unless_another_is_named(client: httpx.AsyncClient) -> None:
    settings = {"embedding_dimension": 8, "access_control": False, "rank_profile": "rrf"}
    assert (await client.put("/indexes/by-rank", json=settings)).status_code == 201
    await index(client, {"id": "a", "content": "pump", "embedding": NEAR}, index="by-rank")
    found = await hybrid(client, "pump", index="by-rank")
    assert found["rank_profile"] == "rrf"
    assert found["hits"][0]["score"] == pytest.approx(2 / 61)
    assert (await hybrid(client, "pump", index="by-rank", rank_profile="vespa"))["rank_profile"] == "vespa"
    refused = await client.post("/search", json={"query": "pump", "rank_profile": "best"})
    assert refused.status_code == 422


@pytest.mark.parametrize("profile", PROFILES)
async def test_every_profile_answers_for_nothing_and_for_little(client: httpx.AsyncClient, profile: str) -> None:
    assert (await hybrid(client, "pump", rank_profile=profile))["hits"] == []
    await index(client, {"id": "a", "content": "pump", "embedding": NEAR})
    for query in ("pump", "gasket", "?!", "the"):
        found = await hybrid(client, query, rank_profile=profile, explain=True)
        assert ids(found) == ["a"]
        assert found["complete"]


async def test_hybrid_without_a_query_goes_by_the_embedding_and_says_so(client: httpx.AsyncClient) -> None:
    await index(client, {"id": "a", "content": "pump", "embedding": NEAR})
    answer = (await client.post("/search", json={"mode": "hybrid", "embedding": NEAR})).json()
    assert ids(answer) == ["a"]
    assert "embedding alone" in answer["degraded"][0]


async def test_a_zero_vector_in_the_index_is_no_obstacle(client: httpx.AsyncClient) -> None:
    await index(
        client,
        {"id": "zero", "content": "pump", "embedding": [0.0] * 8},
        {"id": "near", "content": "valve", "embedding": NEAR},
    )
    for profile in PROFILES:
        assert sorted(ids(await hybrid(client, "pump", rank_profile=profile))) == ["near", "zero"]


async def test_opensearch_counts_phrases(client: httpx.AsyncClient) -> None:
    await index(
        client,
        {"id": "exact", "content": "pump seal failed", "embedding": NEAR},
        {"id": "close", "content": "pump and seal failed", "embedding": NEAR},
        {"id": "far", "content": "seal then some others pump", "embedding": NEAR},
    )
    found = await hybrid(client, "pump seal", rank_profile="opensearch", explain=True)
    phrases = {hit["document_id"]: hit["features"]["phrase_content"] for hit in found["hits"]}
    assert phrases["exact"] > phrases["close"] > phrases["far"] == 0

"""Keyword search through HTTP."""

import math

import httpx
import pytest

from app.text.tokeniser import Tokeniser
from tests.api.calls import ALICE, BOB, NEAR, Json, document, guarded_index, index


async def add(client: httpx.AsyncClient, **texts: str) -> None:
    await index(client, *({"id": name, "content": text, "embedding": NEAR} for name, text in texts.items()))


async def find(client: httpx.AsyncClient, query: str, **more: object) -> Json:
    answer = await client.post("/search", json={"query": query, "mode": "keyword"} | more)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def ids(found: Json) -> list[str]:
    return [hit["document_id"] for hit in found["hits"]]


async def test_scores_are_bm25(client: httpx.AsyncClient) -> None:
    texts = {"a": "pump failed", "b": "pump pump pump seal", "c": "valves leak oil", "d": "seal"}
    await add(client, **texts)  # one batch, whose mean length is the average
    bags = {name: Tokeniser("english").terms(text) for name, text in texts.items()}
    asked = Tokeniser("english").terms("pump seal pump")
    average = sum(bag.total() for bag in bags.values()) / 4
    expected = {}
    for name, bag in bags.items():
        norm = 1.2 * (0.25 + 0.75 * bag.total() / average)
        dfs = {term: sum(term in other for other in bags.values()) for term in asked}
        expected[name] = sum(
            times * math.log(1 + (4 - dfs[term] + 0.5) / (dfs[term] + 0.5)) * bag[term] * 2.2 / (bag[term] + norm)
            for term, times in asked.items()
        )
    found = await find(client, "pump seal pump")
    assert ids(found) == ["b", "a", "d"]
    assert {hit["document_id"]: hit["score"] for hit in found["hits"]} == pytest.approx(
        {name: score for name, score in expected.items() if score}, rel=1e-5
    )
    assert found["exact"]
    assert found["complete"]


async def test_a_word_twice_in_the_query_counts_twice(client: httpx.AsyncClient) -> None:
    await add(client, a="pump", b="seal", c="valve")
    once = {hit["document_id"]: hit["score"] for hit in (await find(client, "pump seal"))["hits"]}
    twice = {hit["document_id"]: hit["score"] for hit in (await find(client, "pump pump seal"))["hits"]}
    assert twice["a"] == pytest.approx(2 * once["a"], rel=1e-5)
    assert twice["b"] == pytest.approx(once["b"], rel=1e-5)


async def test_titles_are_searched(client: httpx.AsyncClient) -> None:
    await index(
        client,
        {"id": "a", "title": "Pumps", "content": "all about them", "embedding": NEAR},
        {"id": "b", "title": "Valves", "content": "all about them", "embedding": NEAR},
    )
    assert ids(await find(client, "pump")) == ["a"]


async def test_ties_go_by_document_and_chunk(client: httpx.AsyncClient) -> None:
    names = [f"d{n:02}" for n in range(30)]
    await add(client, **dict.fromkeys(reversed(names), "the same pump"))
    assert ids(await find(client, "pump", limit=12)) == names[:12]


async def test_what_was_just_indexed_is_found(client: httpx.AsyncClient) -> None:
    await add(client, a="pump")
    assert ids(await find(client, "gasket")) == []
    await add(client, b="gasket")
    assert ids(await find(client, "gasket")) == ["b"]


async def test_a_query_without_an_embedding_searches_by_keyword(client: httpx.AsyncClient) -> None:
    await add(client, a="pump")
    by_default = (await client.post("/search", json={"query": "pump"})).json()
    assert (by_default["mode"], by_default["degraded"]) == ("keyword", [])
    asked = (await client.post("/search", json={"query": "pump", "mode": "hybrid"})).json()
    assert asked["mode"] == "keyword"
    assert "embedding" in asked["degraded"][0]


async def test_access_and_filters_bound_what_is_found(client: httpx.AsyncClient) -> None:
    await guarded_index(client, "guarded")
    texts = {"public": {"public": True}, "alice": {"entries": [ALICE], "public": False}}
    await index(
        client,
        *(
            document(name, access=access, source_type=name, chunks=0)
            | {"chunks": [{"chunk_index": 0, "content": "pump", "embedding": NEAR}]}
            for name, access in texts.items()
        ),
        index="guarded",
    )

    async def seen(**filters: object) -> list[str]:
        return ids(await find(client, "pump", index="guarded", filters=filters))

    assert await seen(access_control_list=[ALICE]) == ["alice", "public"]
    assert await seen(access_control_list=[BOB]) == ["public"]
    assert await seen(access_control_list=[]) == ["public"]
    assert await seen(access_control_list=None) == ["alice", "public"]
    assert await seen(access_control_list=[ALICE], source_type=["alice"]) == ["alice"]
    refused = await client.post("/search", json={"query": "pump", "index": "guarded"})
    assert (refused.status_code, refused.json()["code"]) == (422, "access_control_list_required")
    await index(
        client,
        document("bob", access={"public": False, "entries": [BOB]}, chunks=0)
        | {"chunks": [{"chunk_index": 0, "content": "pump", "embedding": NEAR}]},
        index="guarded",
    )
    assert await seen(access_control_list=[BOB]) == ["bob", "public"]


async def test_a_phrase_must_match_as_one(client: httpx.AsyncClient) -> None:
    await add(
        client,
        exact="the pump seal failed",
        scattered="pump pump seal pump and seal",
        reversed="seal pump",
        missing="pump",
    )
    assert ids(await find(client, '"pump seal"')) == ["scattered", "exact"]
    assert ids(await find(client, '"pump seal failed"')) == ["exact"]
    assert sorted(ids(await find(client, '"seal pump" failed'))) == ["reversed", "scattered"]
    nothing = await find(client, '"pump gasket"')
    assert (ids(nothing), nothing["complete"], nothing["exact"]) == ([], True, True)


async def test_an_exact_phrase_ranks_above_scattered_words(client: httpx.AsyncClient) -> None:
    await add(
        client,
        exact="in the long report on cooling the circuit breaker tripped after some minutes of work",
        scattered="breaker breaker valve circuit circuit valve breaker",
        other="valve",
    )
    for limit in (1, 2, 5):
        assert ids(await find(client, "circuit breaker", limit=limit))[0] == "exact"


async def test_a_part_of_an_identifier_comes_before_many_that_repeat_its_words(client: httpx.AsyncClient) -> None:
    repeated = {f"repeated{number}": "seconds of timeout, many seconds of timeout" for number in range(20)}
    await add(client, named="query.timeoutSeconds, for those that are slow " + "and others " * 30, **repeated)
    plain = await find(client, "timeout seconds and", limit=30)  # not as a phrase anywhere
    assert ids(plain).index("named") > 10
    for limit in (1, 30):
        assert ids(await find(client, "timeout seconds", limit=limit))[0] == "named"


async def test_highlights_mark_what_was_found(client: httpx.AsyncClient) -> None:
    await add(client, a="<b>Pumps & seals</b> " + "filler words " * 40 + "another pump here")
    (hit,) = (await find(client, "pump"))["hits"]
    assert 1 <= len(hit["highlights"]) <= 4
    assert any("<hi>Pumps</hi> &amp; seals&lt;/b&gt;" in fragment for fragment in hit["highlights"])
    assert all("<b>" not in fragment for fragment in hit["highlights"])
    (bare,) = (await find(client, "pump", highlight=False))["hits"]
    assert bare["highlights"] == []


async def test_a_typo_finds_the_word_that_was_meant(client: httpx.AsyncClient) -> None:
    await add(client, a="the compressor failed", b="the gasket leaks")
    found = await find(client, "comprressor")
    assert ids(found) == ["a"]
    assert found["expansions"] == [{"kind": "typo", "typed": "comprressor", "words": ["compressor"]}]
    known = await find(client, "compressor")
    assert known["expansions"] == []
    assert ids(await find(client, '"comprressor failed"')) == []


async def test_a_prefix_finds_the_words_that_begin_so(client: httpx.AsyncClient) -> None:
    await add(client, a="configuration of pumps", b="confirm the order", c="conduct", d="reconfigure")
    found = await find(client, "conf*")
    assert sorted(ids(found)) == ["a", "b"]
    (expansion,) = found["expansions"]
    assert (expansion["kind"], expansion["typed"]) == ("prefix", "conf*")
    assert sorted(expansion["words"]) == ["configuration", "confirm"]
    nothing = await find(client, "zzz*")
    assert (nothing["hits"], nothing["expansions"][0]["words"]) == ([], [])


async def test_min_score_drops_what_scores_less(client: httpx.AsyncClient) -> None:
    await add(client, a="pump pump", b="pump and much else that is longer", c="other")
    scores = [hit["score"] for hit in (await find(client, "pump"))["hits"]]
    assert ids(await find(client, "pump", min_score=scores[0])) == ["a"]


@pytest.mark.parametrize(
    "query",
    [
        " ",
        "the of and",
        "?!… — ()",
        "🙂🚀",
        "pump 水泵 насос ポンプ",
        '"unbalanced pump',
        '"" pump',
        '"the of"',
        "\u0000pump",
        "pump*" * 50,
        "'; DROP TABLE documents; --",
        "a" * 100_000,
        "pump " * 20_000,
        " ".join(f"word{n}" for n in range(10_000)),
        '"' * 1001 + "pump",
        "*",
    ],
    ids=range(16),
)
async def test_any_text_is_a_query(client: httpx.AsyncClient, query: str) -> None:
    await add(client, a="pump seal", b="valve")
    for embedding in (None, NEAR):
        answer = await client.post("/search", json={"query": query, "embedding": embedding})
        assert answer.status_code in {200, 422}, answer.text
        if answer.status_code == 200 and "pump" in query and '"' not in query and "*" not in query:
            assert ids(answer.json())[:1] == ["a"] or len(query) > 16_000 or "DROP" in query


async def test_a_query_that_is_cut_says_so(client: httpx.AsyncClient) -> None:
    await add(client, a="pump")
    found = await find(client, "pump " * 20_000)
    assert ids(found) == ["a"]
    assert "cut" in found["degraded"][0]


async def test_keyword_search_needs_a_query(client: httpx.AsyncClient) -> None:
    answer = await client.post("/search", json={"mode": "keyword", "embedding": NEAR})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/query"


async def test_an_explained_answer_says_what_the_filter_keeps(client: httpx.AsyncClient) -> None:
    sources = ["web"] * 5 + ["slack"] * 15
    await index(client, *(document(f"d{place}", source_type=source) for place, source in enumerate(sources)))
    plans = [
        (await find(client, "part", explain=True, filters={"source_type": wanted}))["plan"]
        for wanted in (None, ["web"], ["slack"])
    ]
    everything, few, many = plans
    assert everything["share"] == 1
    assert everything["allowed"] == everything["chunks"]
    assert 0 < few["share"] < 0.5 < many["share"] < 1
    assert few["allowed"] < many["allowed"] < few["chunks"]
    assert (await find(client, "part", filters={"source_type": ["web"]})).get("plan") is None

"""Searching: every filter as docs/filter-semantics.md has it, and what surrounds the hits."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.api.calls import (
    ALICE,
    BOB,
    FAR,
    NEAR,
    Json,
    axis,
    chunk,
    document,
    found,
    guarded_index,
    index,
    search,
    update,
)


async def test_the_nearest_come_first_and_ties_by_document_and_chunk(client: httpx.AsyncClient) -> None:
    await index(
        client,
        {"id": "b", "chunks": [chunk(1), chunk(0)]},
        {"id": "a", "chunks": [chunk(0)]},
        {"id": "mid", "chunks": [chunk(0, embedding=[1, 1, 0, 0, 0, 0, 0, 0])]},
        {"id": "opposite", "chunks": [chunk(0, embedding=[-1, 0, 0, 0, 0, 0, 0, 0])]},
        {"id": "far", "chunks": [chunk(0, embedding=FAR)]},
    )
    answer = await search(client)
    assert [(hit["document_id"], hit["chunk_index"]) for hit in answer["hits"]] == [
        ("a", 0), ("b", 0), ("b", 1), ("mid", 0), ("far", 0), ("opposite", 0),
    ]  # fmt: skip
    scores = [hit["score"] for hit in answer["hits"]]
    assert scores == pytest.approx([1, 1, 1, (1 + 0.5**0.5) / 2, 0.5, 0], abs=1e-3)
    assert (answer["mode"], answer["exact"], answer["complete"]) == ("semantic", True, True)


async def test_length_does_not_count(client: httpx.AsyncClient) -> None:
    await index(client, {"id": "long", "content": "x", "embedding": axis(0)[:1] + [0.0] * 7})
    for factor in (1e-30, 1e-5, 1.0, 1e5, 3e38):
        hits = (await search(client, embedding=[factor] + [0.0] * 7))["hits"]
        assert [hit["score"] for hit in hits] == [1.0]


async def test_access_control_list(client: httpx.AsyncClient) -> None:
    name = await guarded_index(client)
    await index(
        client,
        document("public"),
        document("alice", access={"public": False, "entries": [ALICE, "group:eng"]}),
        document("bob", access={"public": False, "entries": [BOB]}),
        document("both", access={"public": True, "entries": [BOB]}),
        document("nobody", access={"public": False, "entries": []}),
        index=name,
    )

    async def seen_by(entries: list[str] | None) -> list[str]:
        return await found(client, {"access_control_list": entries}, index=name)

    assert await seen_by([]) == ["both", "public"]
    assert await seen_by([ALICE]) == ["alice", "both", "public"]
    assert await seen_by(["group:eng", "PUBLIC"]) == ["alice", "both", "public"]
    assert await seen_by([BOB, ALICE]) == ["alice", "bob", "both", "public"]
    assert await seen_by([ALICE.upper(), "unknown"]) == ["both", "public"]
    assert await seen_by(None) == ["alice", "bob", "both", "nobody", "public"]


async def test_access_lists_that_look_alike_are_told_apart(client: httpx.AsyncClient) -> None:
    name = await guarded_index(client)
    await index(
        client,
        document("joined", access={"public": False, "entries": ["a\nb"]}),
        document("apart", access={"public": False, "entries": ["a"]}),
        document("empty", access={"public": False, "entries": [""]}),
        index=name,
    )
    for entries, expected in (
        (["a\nb"], ["joined"]),
        (["a", "b"], ["apart"]),
        ([], []),
        ([""], ["empty"]),
    ):
        assert await found(client, {"access_control_list": entries}, index=name) == expected


async def test_hidden_documents(client: httpx.AsyncClient) -> None:
    await index(client, document("seen"), document("hidden", hidden=True))
    assert await found(client) == ["seen"]
    assert await found(client, include_hidden=True) == ["hidden", "seen"]
    assert await found(client, {"hidden": True}) == ["hidden"]
    assert await found(client, {"hidden": False}, include_hidden=True) == ["seen"]


async def test_source_types_and_tags_are_any_of(client: httpx.AsyncClient) -> None:
    await index(
        client,
        document("web", source_type="web", metadata={"k": ["v", "w"], "n": 5}),
        document("slack", source_type="slack", metadata={"k": "x", "a===b": "c"}),
        document("bare"),
    )
    assert await found(client, {"source_type": ["web"]}) == ["web"]
    assert await found(client, {"source_type": ["slack", "web", "none"]}) == ["slack", "web"]
    assert await found(client, {"source_type": []}) == ["bare", "slack", "web"]
    assert await found(client, {"tags": [{"key": "k", "value": "w"}]}) == ["web"]
    assert await found(client, {"tags": [{"key": "k", "value": "v"}, {"key": "k", "value": "x"}]}) == ["slack", "web"]
    assert await found(client, {"tags": [{"key": "n", "value": "5"}]}) == ["web"]
    assert await found(client, {"tags": [{"key": "a===b", "value": "c"}]}) == ["slack"]
    assert await found(client, {"tags": [{"key": "k", "value": "nothing"}]}) == []
    assert await found(client, {"tags": [{"key": "k", "value": "v"}], "source_type": ["slack"]}) == []


async def test_the_knowledge_scope_is_an_or(client: httpx.AsyncClient) -> None:
    await index(
        client,
        document("attached"),
        document("set", document_sets=["S"]),
        document("node", hierarchy_node_ids=[7]),
        document("persona", persona_ids=[0]),
        document("project", project_ids=[0, 4]),
        document("outside", document_sets=["T"], project_ids=[9]),
    )
    assert await found(client, {"document_ids": ["attached"]}) == ["attached"]
    assert await found(client, {"document_ids": ["attached"], "document_sets": ["S"]}) == ["attached", "set"]
    assert await found(client, {"persona_id": 0}) == ["persona"]
    assert await found(client, {"project_id": 0, "hierarchy_node_ids": [7, 8]}) == ["node", "project"]
    everything = {
        "document_ids": ["attached"], "document_sets": ["S"], "hierarchy_node_ids": [7], "persona_id": 0,
        "project_id": 4,
    }  # fmt: skip
    assert await found(client, everything) == ["attached", "node", "persona", "project", "set"]
    assert len(await found(client, {"document_ids": [], "document_sets": [], "hierarchy_node_ids": []})) == 6
    assert await found(client, {"persona_id": 1}) == []


async def test_forced_sets_are_a_condition_of_their_own(client: httpx.AsyncClient) -> None:
    await index(
        client,
        document("both", document_sets=["S", "F"]),
        document("scope", document_sets=["S"]),
        document("forced", document_sets=["F"]),
    )
    assert await found(client, {"forced_document_sets": ["F"]}) == ["both", "forced"]
    assert await found(client, {"forced_document_sets": ["F", "S"]}) == ["both", "forced", "scope"]
    assert await found(client, {"forced_document_sets": ["F"], "document_sets": ["S"]}) == ["both"]
    assert await found(client, {"forced_document_sets": []}) == ["both", "forced", "scope"]


async def test_time_ranges_and_the_undated(client: httpx.AsyncClient) -> None:
    def days_ago(days: float) -> str:
        return (datetime.now(UTC) - timedelta(days=days)).isoformat()

    await index(
        client,
        document("old", created_at=days_ago(200), updated_at=days_ago(200)),
        document("new", created_at=days_ago(10), updated_at=days_ago(10)),
        document("undated"),
    )
    assert await found(client, {"created_at": {"start": days_ago(20)}}) == ["new", "undated"]
    assert await found(client, {"created_at": {"end": days_ago(20)}}) == ["old", "undated"]
    assert await found(client, {"created_at": {"start": days_ago(300), "end": days_ago(250)}}) == ["undated"]
    assert await found(client, {"updated_at": {"start": days_ago(20)}}) == ["new"]
    assert await found(client, {"updated_at": {"start": days_ago(89)}}) == ["new"]
    assert await found(client, {"updated_at": {"start": days_ago(91)}}) == ["new", "undated"]
    assert await found(client, {"updated_at": {"start": days_ago(300)}}) == ["new", "old", "undated"]
    assert await found(client, {"updated_at": {"start": days_ago(300), "end": days_ago(20)}}) == ["old"]
    assert await found(client, {"updated_at": {"end": days_ago(20)}}) == ["old"]
    assert await found(client, {"updated_at": {}, "created_at": {}}) == ["new", "old", "undated"]


async def test_bounds_are_inclusive_and_truncated_to_seconds_of_utc(client: httpx.AsyncClient) -> None:
    await index(client, document("a", updated_at="2024-05-01T12:00:00.900+02:00"))

    async def within(start: str, end: str) -> bool:
        return await found(client, {"updated_at": {"start": start, "end": end}}) == ["a"]

    assert await within("2024-05-01T10:00:00Z", "2024-05-01T10:00:00Z")
    assert await within("2024-05-01T10:00:00.999Z", "2024-05-01T10:00:00.1Z")
    assert await within("2024-05-01T10:00:00", "2024-05-01T13:00:00+03:00")
    assert not await within("2024-05-01T10:00:01Z", "2024-05-01T11:00:00Z")
    assert not await within("2024-05-01T09:00:00Z", "2024-05-01T09:59:59Z")


async def test_metadata_must_contain_what_is_asked_for(client: httpx.AsyncClient) -> None:
    await index(
        client,
        document("a", metadata={"lang": "en", "n": 1, "deep": {"x": [1, 2]}}),
        document("b", metadata={"lang": ["en", "de"], "n": 1.0}),
    )
    assert await found(client, {"metadata": {"lang": "en"}}) == ["a"]
    assert await found(client, {"metadata": {"lang": ["de"]}}) == ["b"]
    assert await found(client, {"metadata": {"n": 1}}) == ["a", "b"]
    assert await found(client, {"metadata": {"deep": {"x": [2]}}}) == ["a"]
    assert await found(client, {"metadata": {"deep": {"x": [3]}}}) == []
    assert await found(client, {"metadata": {}}) == ["a", "b"]


async def test_all_conditions_hold_together(client: httpx.AsyncClient) -> None:
    name = await guarded_index(client)
    fields: Json = {
        "source_type": "web",
        "document_sets": ["S"],
        "metadata": {"k": "v"},
        "updated_at": "2024-05-01T00:00:00Z",
    }
    mine = {"public": False, "entries": [ALICE]}
    await index(
        client,
        document("match", access=mine, **fields),
        document("other source", access=mine, **fields | {"source_type": "slack"}),
        document("other set", access=mine, **fields | {"document_sets": ["T"]}),
        document("other tag", access=mine, **fields | {"metadata": {"k": "w"}}),
        document("other day", access=mine, **fields | {"updated_at": "2023-05-01T00:00:00Z"}),
        document("other reader", access={"public": False, "entries": [BOB]}, **fields),
        document("hidden", access=mine, hidden=True, **fields),
        index=name,
    )
    filters = {
        "access_control_list": [ALICE],
        "source_type": ["web"],
        "document_sets": ["S"],
        "tags": [{"key": "k", "value": "v"}],
        "updated_at": {"start": "2024-01-01T00:00:00Z", "end": "2024-12-31T00:00:00Z"},
    }
    assert await found(client, filters, index=name) == ["match"]
    assert await found(client, filters, index=name, mode="random") == ["match"]


@pytest.mark.parametrize("number", [65_536, 100_000])
async def test_long_lists_are_taken(client: httpx.AsyncClient, number: int) -> None:
    name = await guarded_index(client)
    await index(client, document("a", access={"public": False, "entries": ["group:99"]}), document("b"), index=name)
    many = [f"group:{place}" for place in range(number)]
    assert await found(client, {"access_control_list": many}, index=name) == ["a", "b"]
    ids = [*[f"other {place}" for place in range(number - 1)], "b"]
    assert await found(client, {"access_control_list": [], "document_ids": ids}, index=name) == ["b"]
    nodes = {"hierarchy_node_ids": list(range(number)), "access_control_list": None}
    assert await found(client, nodes, index=name) == []


async def test_zero_vectors_are_stored_and_never_found(client: httpx.AsyncClient) -> None:
    await index(client, {"id": "zero", "content": "z", "embedding": [0] * 8}, document("a"))
    assert await found(client) == ["a"]
    assert await found(client, mode="random") == ["a", "zero"]
    assert await found(client, exact=True, limit=1) == ["a"]


async def test_min_score_drops_what_is_below(client: httpx.AsyncClient) -> None:
    await index(client, document("near"), {"id": "far", "content": "f", "embedding": FAR})
    assert await found(client, min_score=0.9) == ["near"]
    assert await found(client, min_score=0.5) == ["far", "near"]
    assert await found(client, min_score=1.1) == []


async def test_exact_says_so(client: httpx.AsyncClient) -> None:
    await index(client, document("a"))
    answer = await search(client, exact=True)
    assert (answer["exact"], answer["strategy"]) == (True, "exact")


async def test_limit_bounds_the_hits(client: httpx.AsyncClient) -> None:
    await index(client, document("a", chunks=12))
    assert len((await search(client, limit=5))["hits"]) == 5
    assert len((await search(client, limit=10_000))["hits"]) == 12
    default = await client.post("/search", json={"embedding": NEAR})
    assert len(default.json()["hits"]) == 10


async def test_random_takes_what_passes_and_never_the_same_order(client: httpx.AsyncClient) -> None:
    await index(client, *[document(f"d{n:02}", source_type="web" if n % 2 else "s") for n in range(40)])
    answers = [await search(client, mode="random", limit=8, filters={"source_type": ["web"]}) for _ in range(6)]
    drawn = [tuple(hit["document_id"] for hit in answer["hits"]) for answer in answers]
    assert len(set(drawn)) > 1
    assert all(len(set(names)) == 8 and all(int(name[1:]) % 2 for name in names) for names in drawn)
    assert await found(client, mode="random") == [f"d{n:02}" for n in range(40)]


async def test_changes_are_seen_by_the_next_search(client: httpx.AsyncClient) -> None:
    await index(client, document("a", document_sets=["S"]))
    for sets in (["T"], [], ["S", "T"]):
        await update(client, {"document_ids": ["a"], "document_sets": sets})
        assert await found(client, {"document_sets": ["S"]}) == (["a"] if "S" in sets else [])
    await update(client, {"document_ids": ["a"], "hidden": True})
    assert await found(client) == []
    await client.delete("/documents/a")
    assert await found(client, include_hidden=True) == []

"""Indexing, changing, deleting and showing documents, as Onyx needs it."""

import asyncio

import httpx
import pytest

from tests.api.calls import (
    ALICE,
    BOB,
    FAR,
    NEAR,
    base64_of,
    chunk,
    document,
    found,
    guarded_index,
    index,
    path_of,
    search,
    stored,
    update,
)

AWKWARD_IDS = [
    "https://x.io/a'b/c?d=e&f=g#h",
    'say "hello"',
    "x",
    "x/",
    "/x",
    "x//y",
    "../up",
    "..",
    ".",
    "%2F",
    "a b\tc",
    "line\nbreak",
    "x\n",
    "back\\slash",
    "Straße/日本語/🧅",
    "e\u0301",
    "\u00e9",
    "delete",
    "SLACK__C01__1700000000.000100",
    "FILE_CONNECTOR__0f3a",
    "k" * 4096,
]


async def test_a_shorter_document_loses_its_tail(client: httpx.AsyncClient) -> None:
    await index(client, document("a", chunks=5), document("b", chunks=2))
    (result,) = await index(client, document("a", chunks=2))
    assert result == {"document_id": "a", "already_existed": True, "chunk_count": 2}
    assert [c["chunk_index"] for c in (await stored(client, "a"))["chunks"]] == [0, 1]
    answer = await search(client)
    assert sorted((hit["document_id"], hit["chunk_index"]) for hit in answer["hits"]) == [
        ("a", 0), ("a", 1), ("b", 0), ("b", 1),
    ]  # fmt: skip


async def test_a_title_embedding_goes_when_it_comes_no_more(client: httpx.AsyncClient) -> None:
    await index(client, document("a", title="T", title_embedding=FAR), document("new", title_embedding=FAR))
    await index(client, document("a", title="T"), document("newer"))
    assert (await stored(client, "a", embeddings=True))["title_embedding"] is None
    assert (await stored(client, "new", embeddings=True))["title_embedding"] is not None


async def test_chunk_indexes_may_have_gaps(client: httpx.AsyncClient) -> None:
    await index(client, {"id": "a", "chunks": [chunk(7), chunk(3)]})
    assert [c["chunk_index"] for c in (await stored(client, "a"))["chunks"]] == [3, 7]


async def test_already_existed_is_told_for_each_document_in_order(client: httpx.AsyncClient) -> None:
    await index(client, document("b"))
    results = await index(client, document("c"), document("b"), document("a"))
    assert [(r["document_id"], r["already_existed"]) for r in results] == [("c", False), ("b", True), ("a", False)]
    await client.delete("/documents/b")
    (again,) = await index(client, document("b"))
    assert not again["already_existed"]


async def test_hidden_survives_indexing_anew_unless_it_is_said(client: httpx.AsyncClient) -> None:
    await index(client, document("a"))
    await update(client, {"document_ids": ["a"], "hidden": True})
    await index(client, document("a", chunks=2))
    assert (await stored(client, "a"))["hidden"]
    assert await found(client) == []
    await index(client, document("a", hidden=False))
    assert await found(client) == ["a"]


async def test_a_write_repeated_changes_nothing(client: httpx.AsyncClient) -> None:
    whole = document("a", chunks=3, title="T", metadata={"k": ["v", "w"]}, title_embedding=FAR)
    first = await index(client, whole)
    before = await stored(client, "a", embeddings=True)
    second = await index(client, whole)
    assert await stored(client, "a", embeddings=True) == before
    assert (first[0]["already_existed"], second[0]["already_existed"]) == (False, True)


async def test_every_field_comes_back_as_it_was_given(client: httpx.AsyncClient) -> None:
    given = {
        "id": "a",
        "title": "Title",
        "semantic_identifier": "shown",
        "source_type": "web",
        "metadata": {"k": ["v", "w"], "n": 3, "deep": {"x": [1, {"y": None}]}, "flag": True, "half": 0.5},
        "access": {"public": False, "entries": ["group:eng", "user_email:a@x.io"]},
        "document_sets": ["Legal", "HR"],
        "project_ids": [3],
        "persona_ids": [0, 5],
        "hierarchy_node_ids": [2**53],
        "boost": -4,
        "hidden": False,
        "created_at": "2024-01-02T03:04:05+00:00",
        "updated_at": "2024-02-03T04:05:06+00:00",
        "primary_owners": ["Ann"],
        "secondary_owners": [],
        "title_embedding": base64_of(FAR),
        "version": 2**62,
    }
    piece = {
        "chunk_index": 0,
        "content": "body",
        "blurb": "bl",
        "doc_summary": "sum",
        "chunk_context": "ctx",
        "metadata_suffix": "suf",
        "source_links": {"0": "https://x.io", "10": "https://x.io#1"},
        "image_file_id": "img",
        "embedding": base64_of(NEAR),
    }
    await index(client, given | {"chunks": [piece]})
    shown = await stored(client, "a", embeddings=True)
    assert shown.pop("written_by") == "index"
    assert shown.pop("chunk_count") == 1
    assert shown == given | {"chunks": [piece]}
    (hit,) = (await search(client))["hits"]
    for name in ("title", "semantic_identifier", "metadata", "document_sets", "boost", "created_at", "updated_at"):
        assert hit[name] == given[name]
    for name in ("blurb", "doc_summary", "chunk_context", "metadata_suffix", "source_links", "image_file_id"):
        assert hit[name] == piece[name]


async def test_embeddings_are_shown_only_when_asked_for(client: httpx.AsyncClient) -> None:
    await index(client, document("a", title_embedding=FAR))
    plain = await stored(client, "a")
    assert plain["title_embedding"] is None
    assert plain["chunks"][0]["embedding"] is None
    assert "chunks" not in await stored(client, "a", chunks=False)
    with_them = await stored(client, "a", embeddings=True)
    assert with_them["title_embedding"] == base64_of(FAR)
    assert with_them["chunks"][0]["embedding"] == base64_of(NEAR)


async def test_base64_and_json_embeddings_are_the_same(client: httpx.AsyncClient) -> None:
    numbers = [0.1, -0.2, 0.3, 4, -5.5, 6e-3, 7, 8]
    await index(client, {"id": "a", "chunks": [chunk(0, embedding=numbers), chunk(1, embedding=base64_of(numbers))]})
    one, two = (await stored(client, "a", embeddings=True))["chunks"]
    assert one["embedding"] == two["embedding"]
    answers = [(await search(client, embedding=e))["hits"] for e in (numbers, base64_of(numbers))]
    assert answers[0] == answers[1]
    assert answers[0][0]["score"] == pytest.approx(1.0, abs=1e-3)


async def test_null_leaves_and_an_empty_list_clears(client: httpx.AsyncClient) -> None:
    await index(
        client,
        document("a", document_sets=["S"], boost=3, project_ids=[1], persona_ids=[2], hierarchy_node_ids=[4],
                 metadata={"k": "v"}, created_at="2024-01-01T00:00:00Z"),
    )  # fmt: skip
    before = await stored(client, "a")
    nothing = dict.fromkeys(("access", "document_sets", "boost", "hidden", "project_ids", "created_at"))
    (result,) = await update(client, {"document_ids": ["a"]} | nothing)
    assert result == {"document_id": "a", "found": True, "chunk_count": 1}
    assert await stored(client, "a") == before
    await update(client, {"document_ids": ["a"], "document_sets": [], "project_ids": [], "persona_ids": []})
    after = await stored(client, "a")
    assert after == before | {"document_sets": [], "project_ids": [], "persona_ids": []}


async def test_updates_reach_every_document_and_are_carried_out_in_order(client: httpx.AsyncClient) -> None:
    await index(client, document("a"), document("b", chunks=3))
    results = await update(
        client,
        {"document_ids": ["b", "missing", "a"], "boost": 1},
        {"document_ids": ["a"], "boost": 2, "metadata": {"t": "u"}},
    )
    assert [(r["document_id"], r["found"], r["chunk_count"]) for r in results] == [
        ("b", True, 3), ("missing", False, 0), ("a", True, 1),
    ]  # fmt: skip
    assert [(await stored(client, name))["boost"] for name in ("a", "b")] == [2, 1]
    assert await found(client, {"tags": [{"key": "t", "value": "u"}]}) == ["a"]


async def test_an_update_leaves_text_and_vectors_alone(client: httpx.AsyncClient) -> None:
    await index(client, document("a", chunks=2, title_embedding=FAR))
    before = await stored(client, "a", embeddings=True)
    await update(client, {"document_ids": ["a"], "access": {"public": False, "entries": [BOB]}, "boost": 9})
    after = await stored(client, "a", embeddings=True)
    assert after == before | {"access": {"public": False, "entries": [BOB]}, "boost": 9}


async def test_access_and_public_change_together_and_the_next_search_sees_it(client: httpx.AsyncClient) -> None:
    name = await guarded_index(client)
    await index(client, document("a"), index=name)

    async def seen_by(*entries: str) -> list[str]:
        return await found(client, {"access_control_list": list(entries)}, index=name)

    assert await seen_by() == ["a"]
    assert await seen_by(BOB) == ["a"]
    await update(client, {"document_ids": ["a"], "access": {"public": False, "entries": [ALICE]}}, index=name)
    assert await seen_by() == []
    assert await seen_by(BOB) == []
    assert await seen_by(ALICE) == ["a"]
    await update(client, {"document_ids": ["a"], "access": {"public": False, "entries": [BOB]}}, index=name)
    assert await seen_by(ALICE) == []
    assert await seen_by(BOB) == ["a"]
    await update(client, {"document_ids": ["a"], "access": {"public": True}}, index=name)
    assert await seen_by() == ["a"]
    assert (await stored(client, "a", index=name))["access"] == {"public": True, "entries": []}


async def test_indexing_anew_takes_the_new_access(client: httpx.AsyncClient) -> None:
    name = await guarded_index(client)
    await index(client, document("a"), index=name)
    assert await found(client, {"access_control_list": []}, index=name) == ["a"]
    await index(client, document("a", access={"public": False, "entries": [ALICE]}), index=name)
    assert await found(client, {"access_control_list": []}, index=name) == []
    assert await found(client, {"access_control_list": [ALICE]}, index=name) == ["a"]


async def test_ids_are_kept_as_they_are(client: httpx.AsyncClient) -> None:
    for name in AWKWARD_IDS:
        (result,) = await index(client, document(name))
        assert result["document_id"] == name
        assert (await stored(client, name))["id"] == name
        assert await found(client, {"document_ids": [name]}) == [name]
        (changed,) = await update(client, {"document_ids": [name], "boost": 1})
        assert changed["found"]
        gone = await client.delete(path_of(name))
        assert gone.json() == {"document_id": name, "found": True, "chunk_count": 1}
        assert (await client.get(path_of(name))).status_code == 404


async def test_ids_that_look_alike_are_different_documents(client: httpx.AsyncClient) -> None:
    await index(client, *[document(name) for name in AWKWARD_IDS], document("a/b"), document("ab"), document("X"))
    assert await found(client) == sorted([*AWKWARD_IDS, "a/b", "ab", "X"])
    await client.post("/documents/delete", json={"document_ids": ["x\n", "x/", "é"]})
    assert await found(client) == sorted({*AWKWARD_IDS, "a/b", "ab", "X"} - {"x\n", "x/", "é"})


async def test_delete_counts_the_chunks_it_reached(client: httpx.AsyncClient) -> None:
    await index(client, document("a", chunks=3), document("b", hidden=True))
    answer = await client.post("/documents/delete", json={"document_ids": ["b", "none", "a", "b"]})
    assert answer.json()["results"] == [
        {"document_id": "b", "found": True, "chunk_count": 1},
        {"document_id": "none", "found": False, "chunk_count": 0},
        {"document_id": "a", "found": True, "chunk_count": 3},
    ]
    missing = await client.delete("/documents/a")
    assert (missing.status_code, missing.json()["found"]) == (200, False)


async def test_create_leaves_what_is_there_and_adds_what_is_not(client: httpx.AsyncClient) -> None:
    await index(client, document("forward", chunks=1, boost=7))
    port = {"mode": "create", "written_by": "port"}
    results = await index(client, document("forward", chunks=3), document("ported", chunks=2), **port)
    assert [(r["already_existed"], r["chunk_count"]) for r in results] == [(True, 1), (False, 2)]
    assert (await stored(client, "forward"))["boost"] == 7
    longer = document("ported", chunks=4, boost=5)
    longer["chunks"][0]["content"] = "changed"
    (again,) = await index(client, longer, **port)
    assert (again["already_existed"], again["chunk_count"]) == (True, 4)
    shown = await stored(client, "ported")
    assert (shown["boost"], shown["chunks"][0]["content"]) == (0, "ported part 0")
    assert shown["written_by"] == "port"


async def test_indexing_takes_the_port_mark_away_and_delete_asks_for_it(client: httpx.AsyncClient) -> None:
    await index(client, document("kept"), document("orphan"), mode="create", written_by="port")
    await index(client, document("kept"))
    assert (await stored(client, "kept"))["written_by"] == "index"
    answer = await client.post("/documents/delete", json={"document_ids": ["kept", "orphan"], "written_by": "port"})
    assert [(r["document_id"], r["found"]) for r in answer.json()["results"]] == [("kept", False), ("orphan", True)]
    assert await found(client) == ["kept"]


async def test_merge_adds_and_replaces_chunks(client: httpx.AsyncClient) -> None:
    await index(client, document("a", chunks=3), written_by="import")
    merged = {"id": "a", "chunks": [chunk(1, "new one"), chunk(9, "nine")]}
    (result,) = await index(client, merged, mode="merge", written_by="import")
    assert result == {"document_id": "a", "already_existed": True, "chunk_count": 4}
    shown = await stored(client, "a")
    assert [(c["chunk_index"], c["content"]) for c in shown["chunks"]] == [
        (0, "a part 0"), (1, "new one"), (2, "a part 2"), (9, "nine"),
    ]  # fmt: skip


async def test_a_simple_document_becomes_one_chunk(client: httpx.AsyncClient) -> None:
    simple = {"id": "s", "title": "T", "content": "Hello", "metadata": {"lang": "en"}, "embedding": NEAR}
    await index(client, simple)
    shown = await stored(client, "s")
    assert [(c["chunk_index"], c["content"]) for c in shown["chunks"]] == [(0, "Hello")]
    assert (shown["semantic_identifier"], shown["access"]) == ("T", {"public": True, "entries": []})
    assert await found(client, {"metadata": {"lang": "en"}}) == ["s"]


async def test_text_is_cleaned_and_kept_otherwise(client: httpx.AsyncClient) -> None:
    dirty = "a\u0000b\u0007c\ufffe\ttab\nline\r\u200b🧅"
    await index(client, {"id": "a", "title": dirty, "metadata": {dirty: [dirty]}, "chunks": [chunk(0, dirty)]})
    shown = await stored(client, "a")
    clean = "abc\ttab\nline\r\u200b🧅"
    assert shown["title"] == shown["chunks"][0]["content"] == clean
    assert shown["metadata"] == {clean: [clean]}


async def test_lone_surrogates_are_lost_from_text_and_pairs_are_kept(client: httpx.AsyncClient) -> None:
    body = (
        rb'{"documents":[{"id":"a","title":"x\ud800y\udc00z\ud83e\uddc5","content":"\\ud800 stays \ud83e",'
        rb'"embedding":[1,0,0,0,0,0,0,0]}]}'
    )
    answer = await client.post("/documents", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 200, answer.text
    shown = await stored(client, "a")
    assert shown["title"] == "xyz🧅"
    assert shown["chunks"][0]["content"] == "\\ud800 stays "


async def test_writers_of_one_document_come_one_after_the_other(client: httpx.AsyncClient) -> None:
    async def write(writer: int) -> None:
        chunks = [chunk(place, f"writer {writer}") for place in range(writer + 1)]
        await index(client, {"id": "a", "boost": writer, "chunks": chunks}, {"id": f"own {writer}", "chunks": chunks})

    await asyncio.gather(*[write(writer) for writer in range(8)])
    shown = await stored(client, "a")
    assert [c["content"] for c in shown["chunks"]] == [f"writer {shown['boost']}"] * (shown["boost"] + 1)
    assert shown["chunk_count"] == shown["boost"] + 1


async def test_updates_in_opposite_order_do_not_stand_in_each_others_way(client: httpx.AsyncClient) -> None:
    names = [f"d{number}" for number in range(20)]
    await index(client, *[document(name) for name in names])

    async def change(order: list[str], boost: int) -> None:
        await update(client, *[{"document_ids": [name], "boost": boost} for name in order])

    await asyncio.gather(*[change(names if turn % 2 else names[::-1], turn) for turn in range(12)])
    assert len({(await stored(client, name, chunks=False))["boost"] for name in names}) == 1


async def test_a_large_access_list_is_kept_whole(client: httpx.AsyncClient) -> None:
    name = await guarded_index(client)
    entries = [f"external_group:drive_{number}" for number in range(5000)]
    await index(client, document("a", access={"public": False, "entries": entries}), index=name)
    assert await found(client, {"access_control_list": entries[-1:]}, index=name) == ["a"]
    assert (await stored(client, "a", index=name))["access"]["entries"] == sorted(entries)

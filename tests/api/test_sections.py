"""Sections of documents: in order, filtered, whole, and found under the id one of Onyx's callers spells."""

import httpx

from tests.api.calls import ALICE, Json, chunk, document, guarded_index, index


async def retrieve(http: httpx.AsyncClient, *sections: Json, **fields: object) -> list[tuple[str, int]]:
    answer = await http.post("/chunks/retrieve", json={"sections": list(sections)} | fields)
    assert answer.status_code == 200, answer.text
    return [(each["document_id"], each["chunk_index"]) for each in answer.json()["chunks"]]


async def test_sections_come_in_the_order_asked_for(client: httpx.AsyncClient) -> None:
    await index(client, document("b", chunks=4), document("a", chunks=3))
    assert await retrieve(
        client,
        {"document_id": "b", "min_chunk_index": 2},
        {"document_id": "a", "min_chunk_index": 1, "max_chunk_index": 1},
        {"document_id": "missing"},
        {"document_id": "b", "max_chunk_index": 0},
        {"document_id": "a", "min_chunk_index": 1, "max_chunk_index": 1},
    ) == [("b", 2), ("b", 3), ("a", 1), ("b", 0), ("a", 1)]


async def test_ranges_beyond_the_document_are_no_error(client: httpx.AsyncClient) -> None:
    await index(client, {"id": "a", "chunks": [chunk(5), chunk(9)]})
    assert await retrieve(client, {"document_id": "a", "min_chunk_index": 6, "max_chunk_index": 2**31 - 1}) == [
        ("a", 9)
    ]
    assert await retrieve(client, {"document_id": "a", "min_chunk_index": 10}) == []
    assert await retrieve(client, {"document_id": "a", "min_chunk_index": 5, "max_chunk_index": 5}) == [("a", 5)]


async def test_filters_hold_for_sections_too(client: httpx.AsyncClient) -> None:
    name = await guarded_index(client)
    await index(
        client,
        document("mine", access={"public": False, "entries": [ALICE]}, source_type="web"),
        document("public"),
        document("hidden", hidden=True),
        index=name,
    )
    sections = [{"document_id": each} for each in ("hidden", "mine", "public")]

    async def seen(filters: Json, **fields: object) -> list[str]:
        return [each for each, _ in await retrieve(client, *sections, index=name, filters=filters, **fields)]

    assert await seen({"access_control_list": []}) == ["public"]
    assert await seen({"access_control_list": [ALICE]}) == ["mine", "public"]
    assert await seen({"access_control_list": [ALICE], "source_type": ["web"]}) == ["mine"]
    assert await seen({"access_control_list": None}, include_hidden=True) == ["hidden", "mine", "public"]
    refused = await client.post("/chunks/retrieve", json={"index": name, "sections": sections})
    assert refused.json()["code"] == "access_control_list_required"


async def test_an_id_is_found_with_underscores_for_its_quotes(client: httpx.AsyncClient) -> None:
    name = await guarded_index(client)
    mine = {"public": False, "entries": [ALICE]}
    await index(
        client,
        document("it's a_b's", access=mine),
        document("raw's"),
        document("raw_s"),
        document("hidden_one", hidden=True),
        document("hidden'one"),
        index=name,
    )
    alice: Json = {"access_control_list": [ALICE]}
    nobody: Json = {"access_control_list": []}
    spelt = {"document_id": "it_s a_b_s"}
    assert await retrieve(client, spelt, index=name, filters=alice) == [("it's a_b's", 0)]
    assert await retrieve(client, spelt, index=name, filters=nobody) == []
    both = [{"document_id": "raw_s"}, {"document_id": "raw's"}, spelt]
    assert await retrieve(client, *both, index=name, filters=alice) == [("raw_s", 0), ("raw's", 0), ("it's a_b's", 0)]
    # A document that has the id as it stands is the one that is meant, even where it is not to be seen.
    assert await retrieve(client, {"document_id": "hidden_one"}, index=name, filters=alice) == []


async def test_a_section_has_no_cap(client: httpx.AsyncClient) -> None:
    number = 10_050
    small = [{"chunk_index": place, "content": f"c{place}", "embedding": "AACAPwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}
             for place in range(number)]  # fmt: skip
    (result,) = await index(client, {"id": "long", "chunks": small[::-1]})
    assert result["chunk_count"] == number
    answer = await client.post("/chunks/retrieve", json={"sections": [{"document_id": "long"}]})
    chunks = answer.json()["chunks"]
    assert [each["chunk_index"] for each in chunks] == list(range(number))
    assert chunks[10_049]["content"] == "c10049"

"""Reading everything back: raw scans over pages, listing by cursor, export as NDJSON."""

import json

import httpx

from tests.api.calls import ALICE, FAR, NEAR, Json, base64_of, document, guarded_index, index, stored


async def scan(http: httpx.AsyncClient, ids: list[str], limit: int, **fields: object) -> list[list[Json]]:
    """Read every page of a scan."""
    pages: list[list[Json]] = []
    cursor = None
    while not pages or cursor is not None:
        body = {"document_ids": ids, "limit": limit, "cursor": cursor} | fields
        answer = await http.post("/chunks/scan", json=body)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json()["chunks"])
        cursor = answer.json()["next_cursor"]
    return pages


async def test_a_scan_goes_over_pages_by_id_and_chunk(client: httpx.AsyncClient) -> None:
    await index(client, document("b", chunks=5), document("é", chunks=2), document("a'b/c", chunks=4), document("z"))
    pages = await scan(client, ["é", "b", "a'b/c", "missing", "b"], 3)
    assert [len(page) for page in pages] == [3, 3, 3, 2]
    read = [(each["document_id"], each["chunk_index"]) for page in pages for each in page]
    assert read == [
        *[("a'b/c", place) for place in range(4)], *[("b", place) for place in range(5)], ("é", 0), ("é", 1),
    ]  # fmt: skip
    whole = await scan(client, ["b"], 5)
    assert [len(page) for page in whole] == [5]


async def test_a_scan_shows_all_that_is_stored_whoever_may_read_it(client: httpx.AsyncClient) -> None:
    name = await guarded_index(client)
    await index(
        client,
        document(
            "a", hidden=True, title="T", access={"public": False, "entries": [ALICE]}, metadata={"k": ["v"]},
            project_ids=[1], persona_ids=[2], hierarchy_node_ids=[3], source_type="web",
        ),
        index=name, mode="create", written_by="port",
    )  # fmt: skip
    ((raw,),) = await scan(client, ["a"], 10, index=name)
    expected = {
        "hidden": True, "title": "T", "access": {"public": False, "entries": [ALICE]}, "metadata": {"k": ["v"]},
        "project_ids": [1], "persona_ids": [2], "hierarchy_node_ids": [3], "source_type": "web",
        "written_by": "port", "embedding": None, "content": "a part 0",
    }  # fmt: skip
    assert {key: raw[key] for key in expected} == expected
    ((with_vector,),) = await scan(client, ["a"], 10, index=name, include_embeddings=True)
    assert with_vector == raw | {"embedding": base64_of(NEAR)}


async def test_a_scan_goes_on_while_others_write(client: httpx.AsyncClient) -> None:
    await index(client, document("a", chunks=4), document("b", chunks=4))
    body = {"document_ids": ["a", "b"], "limit": 3}
    first = (await client.post("/chunks/scan", json=body)).json()
    await client.delete("/documents/a")
    rest = (await client.post("/chunks/scan", json=body | {"cursor": first["next_cursor"], "limit": 9})).json()
    assert [(each["document_id"], each["chunk_index"]) for each in rest["chunks"]] == [("b", n) for n in range(4)]
    assert rest["next_cursor"] is None


async def test_what_was_scanned_can_be_indexed_elsewhere(client: httpx.AsyncClient) -> None:
    await index(client, document("a", chunks=3, title="T", title_embedding=FAR, boost=2, metadata={"k": "v"}))
    await client.put("/indexes/copy", json={"embedding_dimension": 8, "access_control": False})
    shown = await stored(client, "a", embeddings=True)
    for computed in ("chunk_count", "written_by"):
        shown.pop(computed)
    await index(client, shown, index="copy", written_by="import")
    copied = await stored(client, "a", index="copy", embeddings=True)
    assert copied == await stored(client, "a", embeddings=True) | {"written_by": "import"}


async def test_listing_goes_over_every_document_once(client: httpx.AsyncClient) -> None:
    names = [f"doc/{number}'s" for number in range(23)]
    await index(client, *[document(name, hidden=number % 2 == 0) for number, name in enumerate(names)])
    seen: list[str] = []
    cursor: str | None = None
    pages = 0
    while pages == 0 or cursor:
        parameters = {"limit": "5"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/documents", params=parameters)).json()
        seen += [each["id"] for each in page["documents"]]
        assert all("chunks" not in each and each["title_embedding"] is None for each in page["documents"])
        cursor, pages = page["next_cursor"], pages + 1
    assert pages == 5
    assert sorted(seen) == sorted(names)
    assert len(set(seen)) == len(seen)


async def test_listing_shows_chunks_and_embeddings_when_asked(client: httpx.AsyncClient) -> None:
    await index(client, document("a", chunks=2, title_embedding=FAR), document("b"))
    parameters = {"chunks": "true", "embeddings": "true"}
    listed = (await client.get("/documents", params=parameters)).json()["documents"]
    for each in listed:
        assert each == await stored(client, each["id"], embeddings=True)


async def test_export_is_one_document_a_line_with_no_cap(client: httpx.AsyncClient) -> None:
    await index(client, *[document(f"d{number}") for number in range(230)])
    await index(client, {"id": "lines", "content": "one\ntwo\u2028three", "embedding": FAR})
    answer = await client.get("/documents", params={"ndjson": "true", "chunks": "true", "embeddings": "true"})
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    lines = [json.loads(line) for line in answer.text.split("\n")[:-1]]
    assert len({line["id"] for line in lines}) == len(lines) == 231
    (odd,) = [line for line in lines if line["id"] == "lines"]
    assert odd == await stored(client, "lines", embeddings=True)


async def test_an_export_goes_on_from_a_cursor(client: httpx.AsyncClient) -> None:
    await index(client, *[document(f"d{number}") for number in range(12)])
    page = (await client.get("/documents", params={"limit": 5})).json()
    rest = await client.get("/documents", params={"cursor": page["next_cursor"], "ndjson": "true"})
    lines = [json.loads(line)["id"] for line in rest.text.splitlines()]
    assert sorted(lines + [each["id"] for each in page["documents"]]) == sorted(f"d{number}" for number in range(12))


async def test_exports_of_an_index_that_is_not_there(client: httpx.AsyncClient) -> None:
    for parameters in ({"index": "none"}, {"index": "none", "ndjson": "true"}):
        answer = await client.get("/documents", params=parameters)
        assert (answer.status_code, answer.json()["code"]) == (404, "index_not_found")
    assert (await client.get("/documents", params={"limit": 1})).json() == {"documents": [], "next_cursor": None}

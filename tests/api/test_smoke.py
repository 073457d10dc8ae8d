import httpx


async def test_a_simple_document_is_found_by_its_embedding(client: httpx.AsyncClient) -> None:
    embedding = [1.0, 0, 0, 0, 0, 0, 0, 0]
    document = {
        "id": "a'b/c",
        "title": "First",
        "content": "Hello",
        "metadata": {"k": ["v"]},
        "embedding": embedding,
    }
    written = await client.post("/documents", json={"documents": [document]})
    assert written.json() == {"results": [{"document_id": "a'b/c", "already_existed": False, "chunk_count": 1}]}
    found = (await client.post("/search", json={"embedding": embedding})).json()
    assert [(hit["document_id"], hit["score"]) for hit in found["hits"]] == [("a'b/c", 1.0)]

import httpx


async def test_a_scan_keeps_the_order_in_which_metadata_came(client: httpx.AsyncClient) -> None:
    document = {
        "id": "d",
        "content": "text",
        "metadata": {"zebra": "1", "a": ["2", "3"]},
        "embedding": [1.0, 0, 0, 0, 0, 0, 0, 0],
    }
    await client.post("/documents", json={"documents": [document]})
    page = (await client.post("/chunks/scan", json={"document_ids": ["d"]})).json()
    assert page["chunks"][0]["tags"] == ["zebra===1", "a===2", "a===3"]
    assert page["next_cursor"] is None

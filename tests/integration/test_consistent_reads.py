"""A document is shown with the chunks it had then, whoever replaces it between the two statements."""

from collections.abc import Mapping
from typing import Any

import httpx
import orjson
import pytest

from app.domain.indexes import Index
from app.storage.database import Session
from app.storage.documents import DocumentRepository
from tests.api.calls import document, index

Rows = list[Mapping[str, Any]]


@pytest.fixture
def replaced_in_between(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the document when it has been read and its chunks have not."""
    get, list_page = DocumentRepository.get, DocumentRepository.list_page

    async def replace() -> None:
        await index(client, document("a", chunks=1, title="new"))

    async def get_and_replace(self: DocumentRepository, session: Session, which: Index, name: str) -> object:
        row = await get(self, session, which, name)
        await replace()
        return row

    async def list_and_replace(self: DocumentRepository, session: Session, *page: Any) -> object:  # noqa: ANN401  passed on
        rows = await list_page(self, session, *page)
        await replace()
        return rows

    monkeypatch.setattr(DocumentRepository, "get", get_and_replace)
    monkeypatch.setattr(DocumentRepository, "list_page", list_and_replace)


@pytest.mark.usefixtures("replaced_in_between")
@pytest.mark.parametrize("way", ["one", "page", "export"])
async def test_a_document_and_its_chunks_are_of_one_version(client: httpx.AsyncClient, way: str) -> None:
    await index(client, document("a", chunks=4, title="old"))
    if way == "one":
        shown = (await client.get("/documents/a")).json()
    elif way == "page":
        (shown,) = (await client.get("/documents", params={"chunks": "true"})).json()["documents"]
    else:
        shown = orjson.loads((await client.get("/documents", params={"chunks": "true", "ndjson": "true"})).text)
    assert (shown["title"], shown["chunk_count"], len(shown["chunks"])) == ("old", 4, 4)

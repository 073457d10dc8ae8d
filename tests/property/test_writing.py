"""What is stored is what was done: replacing, patching and deleting, in any order, by any tenant."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.domain.vectors import to_half
from tests.conftest import make_settings, running
from tests.support import worlds
from tests.support.oracle import Json
from tests.support.storage import connected
from tests.support.worlds import spelt

writing = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking goes through the database and takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
TENANTS = ("public", "acme", "ACME")
TABLES = (
    "documents",
    "chunks",
    "chunk_embeddings",
    "chunk_segments",
    "title_embeddings",
    "chunk_terms",
    "acl_sets",
    "acl_members",
)

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20)
patches = st.fixed_dictionaries(
    {"document_ids": st.lists(st.sampled_from(worlds.IDS), min_size=1, max_size=4)},
    optional={
        "access": worlds.accesses,
        "document_sets": st.none() | worlds.some(worlds.SETS),
        "boost": st.none() | st.integers(-5, 5),
        "hidden": st.none() | st.booleans(),
        "project_ids": st.none() | worlds.some(worlds.NUMBERS),
        "persona_ids": st.none() | worlds.some(worlds.NUMBERS),
        "hierarchy_node_ids": st.none() | worlds.some(worlds.NUMBERS),
        "updated_at": st.none() | worlds.moments,
        "metadata": st.none() | worlds.metadata,
    },
)


@st.composite
def whole_documents(draw: st.DrawFn) -> list[Json]:
    """Documents with everything that a document may have."""
    found = draw(worlds.documents(max_size=4))
    extra = st.fixed_dictionaries(
        {},
        optional={
            "title": texts,
            "semantic_identifier": texts,
            "primary_owners": st.none() | st.lists(texts, max_size=2),
            "secondary_owners": st.none() | st.lists(texts, max_size=2),
            "title_embedding": worlds.embeddings,
        },
    )
    return [document | draw(extra) for document in found]


operations = st.one_of(
    st.tuples(st.just("replace"), whole_documents()),
    st.tuples(st.just("patch"), st.lists(patches, min_size=1, max_size=3)),
    st.tuples(st.just("delete"), st.lists(st.sampled_from(worlds.IDS), max_size=2, min_size=1)),
)
histories = st.lists(st.tuples(st.sampled_from(TENANTS), operations), min_size=2, max_size=10)


@pytest.fixture
async def world(dsn: str) -> AsyncIterator[httpx.AsyncClient]:
    async with running(make_settings(dsn)) as client:
        yield client


@settings(writing, max_examples=20)
@given(history=histories)
async def test_what_is_stored_is_what_was_done(world: httpx.AsyncClient, history: list[Any]) -> None:
    model: dict[str, dict[str, Json]] = {tenant: {} for tenant in TENANTS}
    for tenant in TENANTS:
        headers = {"x-tenant-id": tenant}
        await world.delete("/indexes/world", headers=headers)
        await world.put("/indexes/world", json={"embedding_dimension": 4}, headers=headers)
    for tenant, (kind, payload) in history:
        await carry_out(world, tenant, kind, payload)
        model_of(model[tenant], kind, payload)
    for tenant, documents in model.items():
        assert await listed(world, tenant) == {name: shown(document) for name, document in documents.items()}
        search = {"index": "world", "filters": {"access_control_list": None}, "include_hidden": True, "limit": 1000}
        answer = await world.post("/search", json=search, headers={"x-tenant-id": tenant})
        assert {hit["document_id"] for hit in answer.json()["hits"]} == set(documents)


@settings(writing, max_examples=20)
@given(documents=whole_documents())
async def test_a_repeated_write_touches_no_row(world: httpx.AsyncClient, dsn: str, documents: list[Json]) -> None:
    await world.put("/indexes/world", json={"embedding_dimension": 4})
    await carry_out(world, "public", "replace", documents)
    before = await row_versions(dsn)
    answer = await carry_out(world, "public", "replace", documents)
    assert all(result["already_existed"] for result in answer["results"])
    assert await row_versions(dsn) == before


async def carry_out(world: httpx.AsyncClient, tenant: str, kind: str, payload: Any) -> Json:  # noqa: ANN401  by kind
    headers = {"x-tenant-id": tenant}
    if kind == "replace":
        answer = await world.post("/documents", json={"index": "world", "documents": payload}, headers=headers)
    elif kind == "patch":
        answer = await world.patch("/documents", json={"index": "world", "updates": payload}, headers=headers)
    else:
        body = {"index": "world", "document_ids": payload}
        answer = await world.post("/documents/delete", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def model_of(stored: dict[str, Json], kind: str, payload: Any) -> None:  # noqa: ANN401  by kind
    """Do the same to a dictionary."""
    if kind == "replace":
        for document in payload:
            before = stored.get(document["id"], {})
            kept = {"hidden": before["hidden"]} if before.get("hidden") and document.get("hidden") is None else {}
            stored[document["id"]] = document | kept
    elif kind == "delete":
        for name in payload:
            stored.pop(name, None)
    else:
        for patch in payload:
            changes = {name: value for name, value in patch.items() if name != "document_ids" and value is not None}
            for name in patch["document_ids"]:
                if name in stored:
                    stored[name] = dict(stored[name]) | changes


def shown(document: Json) -> Json:
    """What a document that was sent reads like."""
    title = document.get("title") or None
    lists = ("document_sets", "project_ids", "persona_ids", "hierarchy_node_ids")
    access = document["access"]
    return {
        "id": document["id"],
        "title": title,
        "semantic_identifier": document.get("semantic_identifier") or title or document["id"],
        "source_type": document.get("source_type"),
        "metadata": document["metadata"],
        "access": {"public": access["public"], "entries": sorted(access["entries"])},
        **{name: document.get(name, []) for name in lists},
        "boost": document.get("boost", 0),
        "hidden": document.get("hidden", False),
        "created_at": _second(document.get("created_at")),
        "updated_at": _second(document.get("updated_at")),
        "primary_owners": document.get("primary_owners"),
        "secondary_owners": document.get("secondary_owners"),
        "written_by": "index",
        "chunk_count": len(document["chunks"]),
        "version": None,
        "title_embedding": _halved(document.get("title_embedding")),
        "chunks": [
            {
                "chunk_index": chunk["chunk_index"], "content": chunk["content"], "blurb": "", "doc_summary": "",
                "chunk_context": "", "metadata_suffix": None, "source_links": None, "image_file_id": None,
                "embedding": _halved(chunk["embedding"]),
            }
            for chunk in document["chunks"]
        ],
    }  # fmt: skip


async def listed(world: httpx.AsyncClient, tenant: str) -> dict[str, Json]:
    """Read everything back, page by page."""
    found: list[Json] = []
    cursor: str | None = None
    while True:
        parameters: dict[str, str | int] = {"index": "world", "limit": 2, "chunks": "true", "embeddings": "true"}
        if cursor is not None:
            parameters["cursor"] = cursor
        page = await world.get("/documents", params=parameters, headers={"x-tenant-id": tenant})
        found += page.json()["documents"]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            break
    for document in found:
        for part in (document, *document["chunks"]):
            name = "title_embedding" if part is document else "embedding"
            part[name] = None if part[name] is None else np.frombuffer(base64.b64decode(part[name]), "<f4").tolist()
    return {document["id"]: document for document in found}


async def row_versions(dsn: str) -> dict[str, list[tuple[Any, ...]]]:
    """Say of every row which transaction wrote it, and where it lies."""
    async with connected(dsn) as connection:
        return {
            table: [
                tuple(row)
                for row in await connection.fetch(f"SELECT tableoid, ctid, xmin FROM {table} ORDER BY 1, 2")  # noqa: S608
            ]
            for table in TABLES
        }


def _second(text: str | None) -> str | None:
    at = worlds.instant(text)
    return None if at is None else spelt(at.replace(microsecond=0), "+00:00")


def _halved(embedding: list[float] | None) -> list[float] | None:
    return None if embedding is None else to_half(np.array(embedding, dtype=np.float32)).astype(np.float32).tolist()

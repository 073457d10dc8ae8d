"""A collection through HTTP: indexed once, then searched in every way that is compared."""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from app.evaluation.collections import Collection

DEPTH = 100
"""Hits asked for."""

_BATCH = 200
_CONCURRENT = 2

Run = Mapping[str, Sequence[str]]
"""Document ids by query id, best first."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of searching: a name, and what it adds to a request."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


VARIANTS = (
    Variant("keyword", {"mode": "keyword"}),
    Variant("semantic", {"mode": "semantic"}),
    Variant("vespa", {"mode": "hybrid", "rank_profile": "vespa"}),
    Variant("opensearch", {"mode": "hybrid", "rank_profile": "opensearch"}),
    Variant("rrf", {"mode": "hybrid", "rank_profile": "rrf"}),
    Variant("default", {"mode": "hybrid", "rank_profile": "default"}),
    Variant("default-feedback", {"mode": "hybrid", "rank_profile": "default", "feedback": True}),
)


async def index_collection(http: httpx.AsyncClient, index: str, collection: Collection) -> None:
    """Create an index and fill it, each text as one chunk of a document of its own."""
    settings = {"embedding_dimension": collection.dimension, "access_control": False}
    _checked(await http.put(f"/indexes/{index}", json=settings))
    for start in range(0, len(collection.documents), _BATCH):
        batch = [_document(collection, place) for place in range(start, min(start + _BATCH, len(collection.documents)))]
        _checked(await http.post("/documents", json={"index": index, "documents": batch}))


async def search_collection(
    http: httpx.AsyncClient, index: str, collection: Collection, variant: Variant
) -> dict[str, list[str]]:
    """Search every query; a document counts where its first chunk is."""
    turns = asyncio.Semaphore(_CONCURRENT)

    async def ask(place: int, text: str) -> list[str]:
        body: dict[str, Any] = {"index": index, "query": text, "limit": DEPTH, "highlight": False}
        if variant.options.get("mode") != "keyword":
            body["embedding"] = _base64(collection.query_embeddings[place])
        async with turns:
            answer = _checked(await http.post("/search", json=body | dict(variant.options)))
        return list(dict.fromkeys(hit["document_id"] for hit in answer["hits"]))

    found = await asyncio.gather(*(ask(place, text) for place, text in enumerate(collection.queries.values())))
    return dict(zip(collection.queries, found, strict=True))


def _document(collection: Collection, place: int) -> dict[str, Any]:
    source = collection.documents[place]
    document = {
        "id": source["id"],
        "title": source.get("title") or None,
        "content": source["content"],
        "embedding": _base64(collection.content_embeddings[place]),
    }
    if collection.title_embeddings is not None and source.get("title"):
        document["title_embedding"] = _base64(collection.title_embeddings[place])
    return document


def _base64(vector: NDArray[np.float32]) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


def _checked(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise ValueError(f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}")
    content: dict[str, Any] = answer.json()
    return content

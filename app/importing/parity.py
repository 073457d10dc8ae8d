"""The same questions put to two engines, to see whether they answer alike."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import httpx
import numpy as np
from numpy.typing import NDArray

from app.domain.callers import OPERATOR
from app.domain.filters import Filters
from app.domain.imports import SourceError
from app.domain.indexes import Index
from app.domain.migration import RealIds
from app.domain.search import Search
from app.domain.vectors import Vector
from app.domain.verification import Parity, overlap, rank_correlation
from app.importing.http_pages import Connection, Patience, get_json, open_client
from app.services.searching import SearchService

Ranking = Sequence[tuple[str, int]]
_TIMEOUT = 60.0
_PATIENCE = Patience(4, 0.5)


class SearchedEngine(Protocol):
    """An engine that can be asked for the chunks nearest to an embedding."""

    async def nearest(self, embedding: Vector, limit: int) -> Ranking:
        """Return documents and chunks, the nearest first."""

    async def close(self) -> None:
        """Close the connections."""


class VespaSearch:
    """Vespa's nearest-neighbour operator under a rank profile of Onyx's schema."""

    def __init__(self, connection: Connection, schema: str, rank_profile: str, real_ids: RealIds) -> None:
        self._http = open_client(connection, read_timeout=_TIMEOUT)
        self._schema = schema
        self._rank_profile = rank_profile
        self._originals = real_ids.originals

    async def nearest(self, embedding: Vector, limit: int) -> Ranking:
        """Ask for the nearest chunks; every input that Onyx's profiles take is given, for meaning alone."""
        target = max(100, 4 * limit)
        body = {
            "yql": f"select document_id, chunk_id from {self._schema} "  # noqa: S608  YQL, read only
            f"where {{targetHits: {target}}}nearestNeighbor(embeddings, query_embedding)",
            "input.query(query_embedding)": embedding.tolist(),
            "input.query(alpha)": 1.0,
            "input.query(title_content_ratio)": 0.0,
            "input.query(decay_factor)": 0.0,
            "ranking.profile": self._rank_profile,
            "hits": limit,
            "timeout": "30s",
        }
        answer = await get_json(self._http, "POST", "/search/", _PATIENCE, body=body)
        root = answer.get("root")
        hits = root.get("children", []) if isinstance(root, Mapping) else []
        return [(self._name(hit["fields"]), int(hit["fields"]["chunk_id"])) for hit in hits]

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _name(self, fields: Mapping[str, Any]) -> str:
        stored = str(fields["document_id"])
        return self._originals.get(stored, stored)


class OpenSearchSearch:
    """OpenSearch's k-NN query on the field Onyx uses."""

    def __init__(self, connection: Connection, index: str, source_tenant: str | None) -> None:
        self._http = open_client(connection, read_timeout=_TIMEOUT)
        self._index = index
        self._filter = {} if source_tenant is None else {"filter": {"term": {"tenant_id": source_tenant}}}

    async def nearest(self, embedding: Vector, limit: int) -> Ranking:
        """Ask for the nearest chunks."""
        nearest = {"vector": embedding.tolist(), "k": max(100, 4 * limit)} | self._filter
        body = {
            "size": limit,
            "query": {"knn": {"content_vector": nearest}},
            "_source": ["document_id", "chunk_index"],
        }
        answer = await get_json(self._http, "POST", f"/{self._index}/_search", _PATIENCE, body=body)
        outer = answer.get("hits")
        hits = outer.get("hits", []) if isinstance(outer, Mapping) else []
        return [(str(hit["_source"]["document_id"]), int(hit["_source"]["chunk_index"])) for hit in hits]

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


async def compare_rankings(
    ours: SearchService, index: Index, theirs: SearchedEngine, embeddings: Sequence[Vector], limit: int
) -> Parity:
    """Put the same embeddings to both and compare the heads of the answers.

    Raises
    ------
    SourceError
        The other engine does not answer, or not in the shape expected.
    """
    overlaps, correlations = [], []
    everything = OPERATOR.permit(Filters(hidden=None))
    for embedding in embeddings:
        answer = await ours.search(
            index.tenant_id, index.name, Search(everything, embedding=embedding, mode="semantic", limit=limit)
        )
        here = [(hit.row["document_id"], hit.row["chunk_index"]) for hit in answer.hits]
        try:
            there = await theirs.nearest(embedding, limit)
        except (KeyError, TypeError, ValueError, httpx.HTTPError) as error:
            raise SourceError(f"The search of the source answers in a shape not known: {error!r}") from error
        overlaps.append(overlap(here, there, limit))
        correlations.append(rank_correlation(here, there))
    known = [value for value in correlations if value is not None]
    return Parity(
        len(embeddings),
        limit,
        float(np.mean(overlaps)) if overlaps else 0.0,
        float(np.mean(known)) if known else None,
    )


def mixed_queries(embeddings: Sequence[NDArray[np.float16]]) -> list[Vector]:
    """Make queries that lie between stored chunks, as real questions do, and on none of them.

    Parameters
    ----------
    embeddings
        Stored ones, two for each query.
    """
    pairs = zip(embeddings[::2], embeddings[1::2], strict=False)
    mixed = [0.7 * one.astype(np.float32) + 0.3 * other.astype(np.float32) for one, other in pairs]
    return [vector.astype(np.float32) for vector in mixed if vector.any()]

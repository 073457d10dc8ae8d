"""The statements of ranked search: candidates, what they are scored by, and what is shown of them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from app.domain.indexes import Index
from app.domain.planning import Sample
from app.domain.replacement import SEGMENT_CHUNKS
from app.domain.vectors import Vector
from app.storage.codecs import SparseVector
from app.storage.database import Session
from app.storage.search import sample_filter
from app.storage.statements import statement
from app.text.candidates import MAX_GROUPS

Rows = Sequence[Mapping[str, Any]]
Values = Mapping[str, object]


class ChunkId(NamedTuple):
    """A chunk by its key, and by what it is called."""

    document_key: UUID
    chunk_index: int
    document_id: str


class CandidateReader:
    """Reads of one index and one filter within one session, normally a snapshot."""

    def __init__(self, session: Session, index: Index, filter_values: Values) -> None:
        self._session = session
        self._index = index
        self._filter = filter_values

    async def sample(self) -> Sample:
        """Look at a sample of documents, for what the filter leaves."""
        return await sample_filter(self._session, self._index, self._filter)

    async def keyword_candidates(
        self,
        query: SparseVector,
        limit: int,
        any_terms: NDArray[np.int32],
        all_terms: Sequence[NDArray[np.int32]],
    ) -> Rows:
        """Return the best by BM25 of those that some tokens lead to; at most `MAX_GROUPS` sets of tokens."""
        sets: list[list[int] | None] = [group.tolist() for group in all_terms]
        sets += [None] * (MAX_GROUPS - len(sets))
        return await self._session.fetch(
            statement("search/keyword_candidates"),
            self._index,
            **self._filter,
            query=query,
            limit=limit,
            any_terms=any_terms.tolist(),
            **{f"all_terms_{number}": group for number, group in enumerate(sets, start=1)},
        )

    async def keyword_scan(self, query: SparseVector, limit: int) -> Rows:
        """Return the best by BM25, measuring every chunk of the index."""
        return await self._session.fetch(
            statement("search/keyword_scan"), self._index, **self._filter, query=query, limit=limit
        )

    async def keyword_exact(self, query: SparseVector, limit: int) -> Rows:
        """Return the best by BM25, measuring every chunk that passes the filter."""
        return await self._session.fetch(
            statement("search/keyword_exact"), self._index, **self._filter, query=query, limit=limit
        )

    async def nearest_exact(self, embedding: Vector, limit: int) -> Rows:
        """Return the nearest of those that pass the filter, measuring every one."""
        async with self._session.planned_anew() as session:
            return await session.fetch(
                statement("search/nearest_exact"), self._index, **self._filter, embedding=embedding, limit=limit
            )

    async def nearest_coarse(self, embedding: Vector, limit: int, segment_limit: int) -> Rows:
        """Return the nearest of the chunks of the nearest segments."""
        async with self._session.planned_anew() as session:
            return await session.fetch(
                statement("search/nearest_coarse"),
                self._index,
                **self._filter,
                embedding=embedding,
                limit=limit,
                segment_limit=segment_limit,
                segment_chunks=SEGMENT_CHUNKS,
            )

    async def nearest_ann(self, embedding: Vector, limit: int, candidate_limit: int, ef_search: int) -> Rows:
        """Return those of the nearest in the HNSW graph that pass the filter."""
        return await self._session.fetch(
            statement("search/nearest_ann"),
            self._index,
            **self._filter,
            embedding=embedding,
            limit=limit,
            candidate_limit=candidate_limit,
            ef_search=str(ef_search),
        )

    async def scores(
        self, chunks: Sequence[ChunkId], embedding: Vector, query: SparseVector, *, with_titles: bool
    ) -> Rows:
        """Return everything ranking looks at, in the order of the chunks."""
        return await self._session.fetch(
            statement("search/score_candidates"),
            self._index,
            **_keys(chunks),
            embedding=embedding,
            query=query,
            with_titles=with_titles,
        )

    async def embeddings(self, chunks: Sequence[ChunkId]) -> NDArray[np.float32]:
        """Return embeddings, shape (n, dimension), in the order of the chunks."""
        rows = await self._session.fetch(statement("search/list_embeddings"), self._index, **_keys(chunks))
        if not rows:
            return np.zeros((0, self._index.embedding_dimension), np.float32)
        return np.stack([row["embedding"] for row in rows]).astype(np.float32)

    async def texts(self, chunks: Sequence[ChunkId]) -> list[tuple[int, str, str]]:
        """Return place, title and content of chunks, in their order."""
        rows = await self._session.fetch(statement("search/list_texts"), self._index, **_keys(chunks))
        return [(row["position"] - 1, row["title"] or "", row["content"]) for row in rows]

    async def hits(self, chunks: Sequence[ChunkId]) -> Rows:
        """Return what is shown of the chunks, in their order."""
        return await self._session.fetch(statement("search/list_hits"), self._index, **_keys(chunks))


def chunk_ids(rows: Rows) -> list[ChunkId]:
    """Take the keys out of rows."""
    return [ChunkId(row["document_key"], row["chunk_index"], row["document_id"]) for row in rows]


def _keys(chunks: Sequence[ChunkId]) -> dict[str, object]:
    return {
        "document_keys": [chunk.document_key for chunk in chunks],
        "chunk_indexes": [chunk.chunk_index for chunk in chunks],
    }

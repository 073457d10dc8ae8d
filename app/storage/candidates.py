"""The statements of ranked search: candidates, what they are scored by, and what is shown of them."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from app.domain.indexes import Index
from app.domain.vectors import Vector
from app.storage.codecs import SparseVector
from app.storage.database import Session
from app.storage.nearest import NearestReader, Rows, Values
from app.storage.statements import statement
from app.text.candidates import MAX_GROUPS, MAX_PARTS, Together


class ChunkId(NamedTuple):
    """A chunk by its key, and by what it is called."""

    document_key: UUID
    chunk_index: int
    document_id: str


class CandidateReader(NearestReader):
    """Reads of one index and one filter within one session, normally a snapshot."""

    def __init__(self, session: Session, index: Index, filter_values: Values) -> None:
        super().__init__(lambda: nullcontext(session), "nearest", index, filter_values)
        self._session = session

    async def keyword_candidates(
        self,
        query: SparseVector,
        limit: int,
        any_terms: NDArray[np.int32],
        together: Sequence[Together],
        parts: Sequence[NDArray[np.int32]] = (),
    ) -> Rows:
        """Return the best by BM25 of those that some tokens lead to, as a `CandidatePlan` has them."""
        every, some = (
            ([tokens.tolist() for tokens in side] for side in zip(*together, strict=True)) if together else ([], [])
        )
        # A part that is asked for twice is read once; null is no condition.
        each = [tokens.tolist() for tokens in parts] or [None]
        return await self._session.fetch(
            statement("search/keyword_candidates"),
            self._index,
            **self._filter,
            query=query,
            limit=limit,
            any_terms=any_terms.tolist(),
            **_numbered("every", every, MAX_GROUPS, None),
            **_numbered("some", some, MAX_GROUPS, None),
            **_numbered("part", each, MAX_PARTS, each[0]),
        )

    async def keyword_scan(self, query: SparseVector, limit: int) -> Rows:
        """Return the best by BM25, measuring every chunk of the index."""
        return await self._session.fetch(
            statement("search/keyword_scan"), self._index, **self._filter, query=query, limit=limit
        )

    async def keyword_exact(self, query: SparseVector, limit: int) -> Rows:
        """Return the best by BM25, measuring every chunk that passes the filter."""
        async with self._session.planned_anew() as session:
            return await session.fetch(
                statement("search/keyword_exact"), self._index, **self._filter, query=query, limit=limit
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


def _numbered(name: str, given: Sequence[object], number: int, rest: object) -> dict[str, object]:
    return {f"{name}_{place + 1}": given[place] if place < len(given) else rest for place in range(number)}

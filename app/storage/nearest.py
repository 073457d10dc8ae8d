"""The statements the planner chooses from (docs/adr/0009-planner.md), whatever is shown of what they find."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal

from app.domain.indexes import Index
from app.domain.planning import Sample
from app.domain.replacement import SEGMENT_CHUNKS
from app.domain.vectors import Vector
from app.storage.database import Session
from app.storage.statements import Statement, statement

Rows = Sequence[Mapping[str, Any]]
Values = Mapping[str, object]
Sessions = Callable[[], AbstractAsyncContextManager[Session]]
"""Where a statement runs: on a connection of its own, or within a session that goes on."""

_SAMPLED_DOCUMENTS = 1_000


class NearestReader:
    """Finds the nearest chunks of one index under one filter.

    Parameters
    ----------
    sessions
        Where statements run.
    family
        What rows carry: semantic is sql/fragments/nearest_hits.sql, nearest is sql/fragments/nearest_keys.sql.
    index
        The index.
    filter_values
        The bound filter.
    """

    def __init__(
        self, sessions: Sessions, family: Literal["semantic", "nearest"], index: Index, filter_values: Values
    ) -> None:
        self._sessions = sessions
        self._family = family
        self._index = index
        self._filter = filter_values

    async def nearest_exact(self, embedding: Vector, limit: int) -> Rows:
        """Return the nearest of those that pass the filter, by measuring every one."""
        return await self._planned_anew("exact", embedding=embedding, limit=limit)

    async def nearest_coarse(self, embedding: Vector, limit: int, segment_limit: int) -> Rows:
        """Return the nearest of the chunks of the nearest segments."""
        return await self._planned_anew(
            "coarse", embedding=embedding, limit=limit, segment_limit=segment_limit, segment_chunks=SEGMENT_CHUNKS
        )

    async def nearest_ann(self, embedding: Vector, limit: int, candidate_limit: int, ef_search: int) -> Rows:
        """Return those of the nearest in the HNSW graph that pass the filter."""
        async with self._sessions() as session:
            return await session.fetch(
                self._statement("ann"),
                self._index,
                **self._filter,
                embedding=embedding,
                limit=limit,
                candidate_limit=candidate_limit,
                ef_search=str(ef_search),
            )

    async def nearest_bit_ann(
        self, embedding: Vector, limit: int, candidate_limit: int, rerank_limit: int, ef_search: int
    ) -> Rows:
        """Return those of the nearest in the bit-quantised HNSW graph, reranked, that pass the filter."""
        async with self._sessions() as session:
            return await session.fetch(
                self._statement("bit_ann"),
                self._index,
                **self._filter,
                embedding=embedding,
                limit=limit,
                candidate_limit=candidate_limit,
                rerank_limit=rerank_limit,
                ef_search=str(ef_search),
            )

    async def sample(self) -> Sample:
        """Look at a sample of documents, for what the filter leaves."""
        async with self._sessions() as session:
            row = await session.fetch_row(
                statement("search/estimate_share"), self._index, **self._filter, documents=_SAMPLED_DOCUMENTS
            )
        return Sample(0, 0, 0) if row is None else Sample(**row)

    async def _planned_anew(self, way: str, **values: object) -> Rows:
        async with self._sessions() as session, session.planned_anew():
            return await session.fetch(self._statement(way), self._index, **self._filter, **values)

    def _statement(self, way: str) -> Statement:
        return statement(f"search/{self._family}_{way}")

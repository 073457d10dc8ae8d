"""The search statements."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from app.domain.indexes import Index
from app.domain.vectors import Vector
from app.storage.database import Database
from app.storage.statements import statement

Rows = Sequence[Mapping[str, Any]]


class SearchRepository:
    """Each call is one statement; rows carry sql/fragments/hit_columns.sql, and acl_count."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def semantic_exact(
        self, index: Index, filter_values: Mapping[str, object], embedding: Vector, limit: int
    ) -> Rows:
        """Return the nearest chunks of those that pass the filter, by measuring every one."""
        async with self._database.session("search") as session:
            return await session.fetch(
                statement("search/semantic_exact"), index, **filter_values, embedding=embedding, limit=limit
            )

    async def semantic_ann(
        self,
        index: Index,
        filter_values: Mapping[str, object],
        embedding: Vector,
        limit: int,
        candidate_limit: int,
    ) -> Rows:
        """Return those of the nearest chunks in the HNSW graph that pass the filter."""
        async with self._database.session("search") as session:
            return await session.fetch(
                statement("search/semantic_ann"),
                index,
                **filter_values,
                embedding=embedding,
                limit=limit,
                candidate_limit=candidate_limit,
            )

    async def random_chunks(self, index: Index, filter_values: Mapping[str, object], pivot: UUID, limit: int) -> Rows:
        """Return random chunks that pass the filter."""
        async with self._database.session("search") as session:
            return await session.fetch(
                statement("search/random_chunks"), index, **filter_values, pivot=pivot, limit=limit
            )

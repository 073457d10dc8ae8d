"""The statements of semantic and random search."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from app.domain.indexes import Index
from app.domain.planning import Sample
from app.domain.replacement import SEGMENT_CHUNKS
from app.domain.vectors import Vector
from app.storage.database import Database, Session
from app.storage.statements import statement

Rows = Sequence[Mapping[str, Any]]
Values = Mapping[str, object]

_SAMPLED_DOCUMENTS = 1_000


async def sample_filter(session: Session, index: Index, filter_values: Values) -> Sample:
    """Look at a sample of documents."""
    row = await session.fetch_row(
        statement("search/estimate_share"), index, **filter_values, documents=_SAMPLED_DOCUMENTS
    )
    return Sample(0, 0, 0) if row is None else Sample(**row)


class SearchReader:
    """Reads of one index under one filter, each a statement on a connection of its own.

    Rows carry sql/fragments/nearest_hits.sql.
    """

    def __init__(self, database: Database, index: Index, filter_values: Values) -> None:
        self._database = database
        self._index = index
        self._filter = filter_values

    async def nearest_exact(self, embedding: Vector, limit: int) -> Rows:
        """Return the nearest chunks of those that pass the filter, by measuring every one."""
        async with self._database.session("search") as session, session.planned_anew():
            return await session.fetch(
                statement("search/semantic_exact"), self._index, **self._filter, embedding=embedding, limit=limit
            )

    async def nearest_coarse(self, embedding: Vector, limit: int, segment_limit: int) -> Rows:
        """Return the nearest of the chunks of the nearest segments."""
        async with self._database.session("search") as session, session.planned_anew():
            return await session.fetch(
                statement("search/semantic_coarse"),
                self._index,
                **self._filter,
                embedding=embedding,
                limit=limit,
                segment_limit=segment_limit,
                segment_chunks=SEGMENT_CHUNKS,
            )

    async def nearest_ann(self, embedding: Vector, limit: int, candidate_limit: int, ef_search: int) -> Rows:
        """Return those of the nearest chunks in the HNSW graph that pass the filter."""
        async with self._database.session("search") as session:
            return await session.fetch(
                statement("search/semantic_ann"),
                self._index,
                **self._filter,
                embedding=embedding,
                limit=limit,
                candidate_limit=candidate_limit,
                ef_search=str(ef_search),
            )

    async def sample(self) -> Sample:
        """Look at a sample of documents."""
        async with self._database.session("search") as session:
            return await sample_filter(session, self._index, self._filter)

    async def random_chunks(self, pivot: UUID, limit: int) -> Rows:
        """Return random chunks that pass the filter; rows carry no distance."""
        async with self._database.session("search") as session:
            return await session.fetch(
                statement("search/random_chunks"), self._index, **self._filter, pivot=pivot, limit=limit
            )


class SearchRepository:
    """Makes readers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def reader(self, index: Index, filter_values: Values) -> SearchReader:
        """Return a reader of an index under a filter."""
        return SearchReader(self._database, index, filter_values)

"""The statements of semantic and random search, each on a connection of its own."""

from uuid import UUID

from app.domain.indexes import Index
from app.storage.database import Database
from app.storage.nearest import NearestReader, Rows, Values
from app.storage.statements import statement


class SearchReader(NearestReader):
    """Reads of one index under one filter."""

    def __init__(self, database: Database, index: Index, filter_values: Values) -> None:
        super().__init__(lambda: database.session("search"), "semantic", index, filter_values)

    async def random_chunks(self, pivot: UUID, limit: int) -> Rows:
        """Return random chunks that pass the filter; rows carry no distance."""
        async with self._sessions() as session:
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

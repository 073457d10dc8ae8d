"""Onyx's own database, of which the ids of documents are asked."""

from collections.abc import AsyncIterator

import asyncpg

from app.domain.imports import SourceError
from app.storage.statements import SQL

_PREFETCH = 5_000


class OnyxDocuments:
    """Every document Onyx knows: its id, and how many chunks it has if that is known.

    Parameters
    ----------
    dsn
        Onyx's PostgreSQL.
    query
        What to run instead of sql/onyx/list_documents.sql: a first column of ids, a second of chunk counts
        or none.
    schema
        Where the tables are; each tenant of a multi-tenant Onyx has its own.
    """

    def __init__(self, dsn: str, query: str | None = None, schema: str = "public") -> None:
        self._dsn = dsn
        self._query = query or (SQL / "onyx" / "list_documents.sql").read_text(encoding="utf-8")
        self._schema = schema

    async def read(self) -> AsyncIterator[tuple[str, int | None]]:
        """Yield all of them, a few thousand at a time in memory.

        Raises
        ------
        SourceError
            The database or the query fails.
        """
        settings = {"search_path": f'"{self._schema}"', "default_transaction_read_only": "on"}
        try:
            connection = await asyncpg.connect(self._dsn, timeout=10, server_settings=settings)
            try:
                async with connection.transaction():
                    async for row in connection.cursor(self._query, prefetch=_PREFETCH):
                        yield str(row[0]), row[1] if len(row) > 1 else None
            finally:
                connection.terminate()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise SourceError(f"Onyx's database: {error}") from error

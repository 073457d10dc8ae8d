"""What operators and probes ask of the database."""

from dataclasses import dataclass
from uuid import UUID

from app.domain.indexes import Index
from app.storage.database import Database
from app.storage.statements import statement


@dataclass(frozen=True, slots=True)
class ServerState:
    """Versions as PostgreSQL gives them; None where something is not installed."""

    postgres_version: int
    pgvector_version: str | None
    schema_revision: str | None
    read_only: bool


@dataclass(frozen=True, slots=True)
class IndexHealth:
    """Size and wear of an index; bytes by what they hold."""

    index_id: int
    tenant_id: str
    name: str
    chunks: int
    dead_chunks: int
    bytes: dict[str, int]


class OperationsRepository:
    """Looks at the server."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def server_state(self) -> ServerState:
        """Ask for versions, and whether writes are taken (by the sessions that write)."""
        async with self._database.session("probe") as session:
            row = await session.fetch_row(statement("operations/get_server_state"))
            if row is None:
                raise AssertionError("a SELECT without FROM returns a row")
            if row["read_only"]:
                await self._database.renew("probe")
            revision = None
            if row["has_schema"]:
                found = await session.fetch_row(statement("operations/get_schema_revision"))
                revision = None if found is None else found["revision"]
        return ServerState(row["postgres_version"], row["pgvector_version"], revision, row["read_only"])

    async def index_health(self, limit: int) -> list[IndexHealth]:
        """Return how the largest indexes stand."""
        async with self._database.session("search") as session:
            rows = await session.fetch(statement("operations/list_index_health"), limit=limit)
        return [
            IndexHealth(
                row["index_id"],
                row["tenant_id"],
                row["name"],
                row["chunks"],
                row["dead_chunks"],
                {part: row[f"{part}_bytes"] for part in ("embeddings", "ann", "text", "terms", "other")},
            )
            for row in rows
        ]

    async def recall(self, index: Index, pivots: list[UUID]) -> float | None:
        """Return the share of nearest neighbours that searches find, over probes near random keys; None if empty."""
        nearest = found = 0
        for pivot in pivots:  # a session each: searches go between
            async with self._database.session("search") as session:
                row = await session.fetch_row(statement("operations/estimate_recall"), index, pivot=pivot)
            if row is not None:
                nearest += row["nearest"]
                found += row["found"]
        return found / nearest if nearest else None

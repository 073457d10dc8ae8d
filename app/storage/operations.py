"""What operators and probes ask of the database."""

from dataclasses import dataclass

from app.storage.database import Database
from app.storage.statements import statement


@dataclass(frozen=True, slots=True)
class ServerState:
    """Versions as PostgreSQL gives them; None where something is not installed."""

    postgres_version: int
    pgvector_version: str | None
    schema_revision: str | None
    read_only: bool


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

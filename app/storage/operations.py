"""What operators and probes ask of the database."""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from app.domain.indexes import Index
from app.domain.planning import LARGEST_EF
from app.domain.vectors import HalfVector, Vector
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


class FilterValue(NamedTuple):
    """A value of source_type, document_sets or tags, and the share of documents that have it."""

    kind: str
    value: str
    share: float


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

    async def sample_embeddings(self, index: Index, pivot: UUID, limit: int) -> list[HalfVector]:
        """Return embeddings of chunks, each of another document; fewer near the end of the keys."""
        async with self._database.session("search") as session:
            rows = await session.fetch(statement("operations/sample_embeddings"), index, pivot=pivot, limit=limit)
        return [row["embedding"] for row in rows]

    async def exact_distances(self, index: Index, embedding: Vector, limit: int) -> list[float]:
        """Return how far the nearest chunks are, by measuring every one."""
        async with self._database.session("search") as session:
            rows = await session.fetch(statement("operations/measure_exact"), index, embedding=embedding, limit=limit)
        return [row["distance"] for row in rows]

    async def graph_distances(self, index: Index, embedding: Vector, limit: int, ef_search: int) -> list[float]:
        """Return the same by the HNSW graph."""
        async with self._database.session("search") as session:
            rows = await session.fetch(
                statement("operations/measure_graph"), index, embedding=embedding, limit=limit, ef_search=str(ef_search)
            )
        return [row["distance"] for row in rows]

    async def bit_graph_distances(self, index: Index, embedding: Vector, limit: int, rerank_limit: int) -> list[float]:
        """Return the same by the bit-quantised HNSW graph and a reranking of so many."""
        async with self._database.session("search") as session:
            rows = await session.fetch(
                statement("operations/measure_bit_graph"),
                index,
                embedding=embedding,
                limit=limit,
                rerank_limit=rerank_limit,
                ef_search=str(min(rerank_limit, LARGEST_EF)),
            )
        return [row["distance"] for row in rows]

    async def filter_values(self, index: Index) -> list[FilterValue]:
        """Return common values that documents are filtered by, as of the last ANALYZE, the commonest first."""
        async with self._database.session("search") as session:
            rows = await session.fetch(statement("operations/list_filter_values"), index)
        return [FilterValue(row["kind"], row["value"], row["share"]) for row in rows]

"""The storage layer without the service around it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from app.domain.indexes import Index
from app.domain.quantisation import Quantisation
from app.services.catalog import IndexCatalog
from app.services.indexing import IndexingService
from app.storage.database import Database
from app.storage.indexes import IndexRepository
from app.storage.pools import PoolOptions
from app.text.tokeniser import TOKENISER_VERSION


@asynccontextmanager
async def opened(dsn: str, **options: float) -> AsyncIterator[Database]:
    """Open small pools on a database."""
    settings = {"search_connections": 4, "write_connections": 4} | options
    database = Database(dsn, PoolOptions(**settings))  # type: ignore[arg-type]
    await database.open()
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect without any of the service's options."""
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


def catalog_of(database: Database) -> IndexCatalog:
    """Make a catalogue of its own: what another process would know."""
    return IndexCatalog(database, IndexRepository(database), "documents")


def indexing_of(database: Database) -> IndexingService:
    """Make an indexing service of its own."""
    return IndexingService(database, catalog_of(database), None)


async def make_index(
    database: Database,
    name: str = "probe",
    *,
    dimension: int = 8,
    access_control: bool = True,
    tenant_id: str = "public",
    quantisation: Quantisation = "none",
) -> Index:
    """Create an index in the catalogue, with its partitions."""
    async with database.transaction() as session:
        return await IndexRepository(database).create(
            session,
            tenant_id=tenant_id,
            name=name,
            embedding_dimension=dimension,
            language="english",
            access_control=access_control,
            rank_profile="default",
            tokeniser_version=TOKENISER_VERSION,
            quantisation=quantisation,
        )


async def counts(dsn: str, tables: Sequence[str]) -> dict[str, int]:
    """Count the rows of some tables."""
    async with connected(dsn) as connection:
        return {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in tables}  # noqa: S608  names of our own

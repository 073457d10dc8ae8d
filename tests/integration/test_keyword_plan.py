"""The plans behind keyword search: the GIN index, whatever the planner thinks of comparing arrays."""

from collections.abc import AsyncIterator, Mapping

import asyncpg
import numpy as np
import pytest
import pytest_asyncio

from app.domain.filters import Filters
from app.domain.indexes import Index, IndexSettings
from app.services.catalog import IndexCatalog
from app.storage.codecs import SparseVector, register_codecs
from app.storage.database import Database
from app.storage.filters import filter_values
from app.storage.indexes import IndexRepository
from app.storage.pools import SEARCH_OPTIONS
from app.storage.statements import statement
from app.text.hashing import TERM_SPACE


@pytest_asyncio.fixture
async def index(dsn: str) -> Index:
    database = Database(dsn)
    await database.open()
    try:
        catalog = IndexCatalog(database, IndexRepository(database), "plans")
        index, _ = await catalog.put("public", "plans", IndexSettings(8, access_control=False))
    finally:
        await database.close()
    return index


@pytest_asyncio.fixture
async def connection(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn, server_settings=SEARCH_OPTIONS | {"default_transaction_read_only": "off"})
    await register_codecs(connection)
    yield connection
    await connection.close()


async def fill(connection: asyncpg.Connection, index: Index, chunks: int) -> None:
    await connection.execute(
        f"INSERT INTO chunk_terms SELECT {index.index_id}, gen_random_uuid(), 0, 60,"  # noqa: S608  a number of our own
        " (SELECT ('{' || string_agg(format('%s:1.5', (n * 31 + k * 7) % 4000 + 1), ',')"
        f" || '}}/{TERM_SPACE}')::sparsevec FROM generate_series(1, 60) AS k),"
        " ARRAY(SELECT (n * 31 + k * 7) % 4000 + 1 FROM generate_series(1, 60) AS k) || -n % 900"
        f" FROM generate_series(1, {chunks}) AS n"
    )


async def plan(connection: asyncpg.Connection, index: Index, name: str, values: Mapping[str, object]) -> str:
    which = statement(name)
    text = which.text(index_id=index.index_id, dimension=8)
    return "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {text}", *which.bind(values)))


@pytest.mark.one_postgres("plans")
async def test_candidates_come_from_the_gin_index(connection: asyncpg.Connection, index: Index) -> None:
    await fill(connection, index, 20_000)
    await connection.execute(f"ANALYZE chunk_terms_{index.index_id}")
    query = SparseVector(np.array([1], np.int32), np.array([1.0], np.float32))
    values = filter_values(Filters(), None) | {"query": query, "limit": 10, "any_terms": [7, 11]}
    values |= {f"every_{number}": [3, 10] if number == 1 else None for number in range(1, 7)}
    values |= {f"some_{number}": [17, 24] if number == 1 else None for number in range(1, 7)}
    values |= {f"part_{number}": [31, 38 + number] for number in range(1, 6)}
    found = await plan(connection, index, "search/keyword_candidates", values)
    conditions = 8
    assert found.count(f"Bitmap Index Scan on chunk_terms_{index.index_id}_tokens_idx") == conditions, found
    assert "Seq Scan on chunk_terms" not in found, found


@pytest.mark.one_postgres("plans")
async def test_terms_are_counted_in_the_gin_index_before_the_first_statistics(
    connection: asyncpg.Connection, index: Index
) -> None:
    """Below ten thousand chunks the table may be as short as what the index has put aside."""
    await connection.execute(f"ALTER TABLE chunk_terms_{index.index_id} SET (autovacuum_enabled = off)")
    await fill(connection, index, 10_000)
    found = await plan(connection, index, "terms/count_chunks", {"tokens": [3, 10]})
    assert f"Bitmap Index Scan on chunk_terms_{index.index_id}_tokens_idx" in found, found
    assert "Filter" not in found, found

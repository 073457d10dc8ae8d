"""The plan behind keyword candidates: the GIN index, whatever the planner thinks of comparing arrays."""

import asyncpg
import numpy as np

from app.domain.filters import Filters
from app.domain.indexes import IndexSettings
from app.services.catalog import IndexCatalog
from app.storage.codecs import SparseVector, register_codecs
from app.storage.database import Database
from app.storage.filters import filter_values
from app.storage.indexes import IndexRepository
from app.storage.pools import SEARCH_OPTIONS
from app.storage.statements import statement
from app.text.hashing import TERM_SPACE


async def test_candidates_come_from_the_gin_index(dsn: str) -> None:
    database = Database(dsn)
    await database.open()
    try:
        catalog = IndexCatalog(database, IndexRepository(database), "plans")
        index, _ = await catalog.put("public", "plans", IndexSettings(8, access_control=False))
    finally:
        await database.close()
    connection = await asyncpg.connect(dsn, server_settings=SEARCH_OPTIONS | {"default_transaction_read_only": "off"})
    try:
        await register_codecs(connection)
        await connection.execute(
            f"INSERT INTO chunk_terms SELECT {index.index_id}, gen_random_uuid(), 0, 60,"  # noqa: S608  a number of our own
            " (SELECT ('{' || string_agg(format('%s:1.5', (n * 31 + k * 7) % 4000 + 1), ',')"
            f" || '}}/{TERM_SPACE}')::sparsevec FROM generate_series(1, 60) AS k), ARRAY[-n % 900]"
            " FROM generate_series(1, 20000) AS n"
        )
        await connection.execute(f"ANALYZE chunk_terms_{index.index_id}")
        query = SparseVector(np.array([1], np.int32), np.array([1.0], np.float32))
        values = filter_values(Filters(), None) | {"query": query, "limit": 10, "any_terms": [7, 11]}
        values |= {f"all_terms_{number}": [3, 10] if number == 1 else None for number in range(1, 7)}
        which = statement("search/keyword_candidates")
        text = which.text(index_id=index.index_id, dimension=8)
        rows = await connection.fetch(f"EXPLAIN {text}", *which.bind(values))
    finally:
        await connection.close()
    plan = "\n".join(row[0] for row in rows)
    assert plan.count(f"Bitmap Index Scan on chunk_terms_{index.index_id}_chunk_tokens_idx") == 7, (
        plan
    )  # one for each condition
    assert "Seq Scan on chunk_terms" not in plan, plan

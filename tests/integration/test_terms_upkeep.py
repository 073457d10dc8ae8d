"""Statistics, average length and background cosine are kept by the maintainer."""

import asyncpg
import numpy as np
import pytest

from app.services.maintenance import Maintainer, MaintenanceOptions
from app.settings import Settings
from app.storage.database import Database
from app.storage.indexes import IndexRepository
from app.text.bm25 import document_terms, tokens_of
from app.text.tokeniser import Tokeniser
from tests.conftest import running


async def maintain(settings: Settings) -> None:
    assert settings.database_url is not None
    database = Database(settings.database_url.get_secret_value())
    await database.open()
    try:
        assert await Maintainer(database, IndexRepository(database), MaintenanceOptions()).run_once()
    finally:
        await database.close()


def document(name: str, content: str, embedding: list[float] | None = None) -> dict[str, object]:
    return {"id": name, "title": None, "content": content, "embedding": embedding or [1.0, 0, 0, 0, 0, 0, 0, 1]}


async def index(settings: Settings, *batches: list[dict[str, object]]) -> None:
    """Index batches by an application that is gone afterwards, and its maintainer's lock with it."""
    async with running(settings) as client:
        for documents in batches:
            answer = await client.post("/documents", json={"documents": documents})
            assert answer.status_code == 200, answer.text


async def test_every_chunk_is_weighed_by_the_measured_average_length(settings: Settings, dsn: str) -> None:
    texts = {"short": "pump seal"} | {f"long{n}": "pump " * n + "valve seal gasket " * 20 for n in range(1, 30)}
    short = [document("short", texts["short"])]  # settles the average length, far too low
    await index(settings, short, [document(name, text) for name, text in texts.items()])
    await maintain(settings)
    tokeniser = Tokeniser("english")
    bags = {name: tokeniser.terms(text) for name, text in texts.items()}
    average = float(np.mean([bag.total() for bag in bags.values()]))
    connection = await asyncpg.connect(dsn)
    try:
        settled = await connection.fetchval("SELECT average_length FROM indexes WHERE name = 'documents'")
        rows = await connection.fetch(
            "SELECT d.document_id, t.weights::text AS weights, t.tokens "
            "FROM chunk_terms AS t JOIN documents AS d USING (index_id, document_key)"
        )
    finally:
        await connection.close()
    assert settled == pytest.approx(average, rel=1e-6)
    assert len(rows) == len(texts)
    for row in rows:
        bag = bags[row["document_id"]]
        indices, weights = document_terms(bag, bag.total(), average)
        stored = dict(pair.split(":") for pair in row["weights"].partition("/")[0].strip("{}").split(","))
        assert [int(place) for place in stored] == indices.tolist()
        np.testing.assert_allclose([float(value) for value in stored.values()], weights, rtol=1e-5)
        assert row["tokens"] == tokens_of(indices, weights).tolist()


async def test_a_small_drift_leaves_the_weights_alone(settings: Settings, dsn: str) -> None:
    even = [document(f"d{n}", "pump valve seal gasket " * 25) for n in range(30)]
    await index(settings, even, [document("odd", "pump valve seal gasket " * 26)])
    connection = await asyncpg.connect(dsn)
    try:
        before = await connection.fetch("SELECT xmin::text, document_key FROM chunk_terms ORDER BY document_key")
        await maintain(settings)
        after = await connection.fetch("SELECT xmin::text, document_key FROM chunk_terms ORDER BY document_key")
    finally:
        await connection.close()
    assert before == after


async def test_background_cosine_is_the_mean_of_unrelated_pairs(settings: Settings, dsn: str) -> None:
    chance = np.random.default_rng(5)
    vectors = chance.normal(0.4, 1.0, (40, 8)).astype(np.float32)
    await index(settings, [document(f"d{n}", "text", vector.tolist()) for n, vector in enumerate(vectors)])
    await maintain(settings)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = (unit @ unit.T)[np.triu_indices(len(unit), 1)]
    connection = await asyncpg.connect(dsn)
    try:
        measured = await connection.fetchval("SELECT background_cosine FROM indexes WHERE name = 'documents'")
    finally:
        await connection.close()
    assert measured == pytest.approx(float(pairs.mean()), abs=2e-3)


@pytest.mark.one_postgres("catalogue")
async def test_statistics_are_there_after_maintenance(settings: Settings, dsn: str) -> None:
    await index(settings, [document(f"d{n}", f"pump number{n % 3}") for n in range(60)])
    await maintain(settings)
    connection = await asyncpg.connect(dsn)
    try:
        listed = await connection.fetchval(
            "SELECT most_common_elems IS NOT NULL FROM pg_stats "
            "WHERE tablename LIKE 'chunk\\_terms\\_%' AND attname = 'tokens'"
        )
    finally:
        await connection.close()
    assert listed

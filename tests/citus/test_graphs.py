"""Each shard has a graph: settings reach it, the maintainer builds it, and statistics come from all shards."""

import numpy as np

from app.services.maintenance import Maintainer, MaintenanceOptions
from app.storage.indexes import IndexRepository
from app.storage.maintenance import MaintenanceRepository
from app.storage.nearest import NearestReader
from app.storage.operations import OperationsRepository
from app.storage.terms import TermsRepository
from tests.conftest import make_settings, running
from tests.support.plans import open_filter, query_of
from tests.support.storage import catalog_of, connected, opened

CHUNKS = 600
WANTED = 200


async def filled(dsn: str) -> None:
    """Write documents of one chunk each, all with the same words."""
    random = np.random.default_rng(3)
    async with running(make_settings(dsn)) as http:
        for first in range(0, CHUNKS, 200):
            documents = [
                {"id": f"d{number}", "content": "common words", "embedding": random.normal(size=8).tolist()}
                for number in range(first, first + 200)
            ]
            answer = await http.post("/documents", json={"documents": documents})
            assert answer.status_code == 200, answer.text


async def test_the_maintainer_builds_measures_and_rebuilds(dsn: str) -> None:
    await filled(dsn)
    async with opened(dsn) as database:
        indexes = IndexRepository(database)
        assert await Maintainer(database, indexes, MaintenanceOptions(ann_threshold=CHUNKS // 2)).run_once()
        index = await catalog_of(database).get("public", None)
        assert (await indexes.ann_states())[index.index_id].ready == {"none"}
        assert index.graph is not None
        assert index.graph["chunks"] == CHUNKS
        assert index.graph["recalls"]["400"] >= 0.99

        reader = NearestReader(lambda: database.session("search"), "nearest", index, open_filter())
        query = query_of(8)
        # More than a graph gives with settings of its own, which no session's setting could have changed.
        near = await reader.nearest_ann(query, WANTED, WANTED, 400)
        exact = await reader.nearest_exact(query, WANTED)
        assert len(near) == len(exact) == WANTED
        assert len({row["document_key"] for row in near} & {row["document_key"] for row in exact}) >= 0.99 * WANTED

        size = await TermsRepository(database).size(index)
        assert (size.chunks, size.analysed_chunks) == (CHUNKS, CHUNKS)
        assert set((await TermsRepository(database).frequencies(index)).values()) == {1.0}
        [health] = await OperationsRepository(database).index_health(10)
        assert health.chunks == CHUNKS
        assert min(health.bytes.values()) > 0

        async with database.dedicated_session() as session:
            repository = MaintenanceRepository(session)
            await repository.rebuild_ann(index, 24, 80)
            assert not (await repository.graph_wear(index)).leftover
        assert len(await reader.nearest_ann(query, WANTED, WANTED, 400)) == WANTED


async def test_a_dropped_index_leaves_no_shard(dsn: str) -> None:
    await filled(dsn)
    async with running(make_settings(dsn)) as http:
        answer = await http.delete("/indexes/documents")
        assert answer.status_code in {200, 204}, answer.text
    async with connected(dsn) as connection:
        left = await connection.fetchval("SELECT count(*) FROM citus_shards WHERE table_name::text ~ '\\d$'")
        assert left == 0

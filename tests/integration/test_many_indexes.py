"""Where there are hundreds of indexes, and so thousands of tables, asking about all of them takes no minute."""

import httpx
import pytest
from prometheus_client import REGISTRY

from app.observability.metrics import PREFIX
from app.storage.database import Database
from app.storage.indexes import IndexRepository
from tests.api.calls import document, index
from tests.support.plans import nodes, plan_of

OTHERS = ("a", "b", "c")
_CATALOGUES = {"pg_class", "pg_inherits", "pg_namespace", "pg_index"}


def runs(statement: str) -> float:
    """Return how often a statement was run by now."""
    return REGISTRY.get_sample_value(f"{PREFIX}_statement_duration_seconds_count", {"statement": statement}) or 0.0


async def test_a_list_looks_at_the_graphs_once(client: httpx.AsyncClient) -> None:
    for name in OTHERS:
        assert (await client.put(f"/indexes/{name}", json={"embedding_dimension": 8})).status_code == 201
    await index(client, document("d", chunks=2), index="b")
    before = runs("indexes/list_ann_states")
    shown = {each["name"]: each for each in (await client.get("/indexes")).json()["indexes"]}
    assert runs("indexes/list_ann_states") == before + 1
    assert shown.keys() == {"documents", *OTHERS}
    for name, each in shown.items():
        assert each == (await client.get(f"/indexes/{name}")).json()
    assert (shown["b"]["documents"], shown["b"]["chunks"]) == (1, 2)
    assert 0 < shown["a"]["bytes"] <= shown["b"]["bytes"]


@pytest.mark.one_postgres("plans")
async def test_what_an_index_holds_is_found_without_a_walk_through_the_catalogue(
    client: httpx.AsyncClient, dsn: str
) -> None:
    await index(client, document("d"))
    database = Database(dsn)
    await database.open()
    try:
        found = await IndexRepository(database).find("public", "documents")
        assert found is not None
        plan = await plan_of(database, "indexes/get_index_size", found, {})
        size = await IndexRepository(database).size(found)
    finally:
        await database.close()
    assert not _CATALOGUES & {node.get("Relation Name") for node in nodes(plan)}
    assert (size.documents, size.chunks) == (1, 1)
    assert size.bytes > 0

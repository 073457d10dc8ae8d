"""HNSW graphs: built when they pay, measured, and built anew when deletions have worn them."""

from collections.abc import Awaitable, Callable
from time import perf_counter

import structlog

from app.domain.errors import ServiceError
from app.domain.indexes import Index
from app.domain.planning import EF_LADDER, TARGET_RECALL
from app.observability import metrics
from app.services.recall import GraphRecall
from app.storage.maintenance import MaintenanceRepository

log = structlog.get_logger()

WORN = 0.3
"""Share of a graph's chunks, removed or replaced since it was built, from which on it is built anew."""

_GROWN = 2.0
"""Growth after which recall is measured again: the same ef_search finds less in a larger graph."""

_QUERIES = 40
_SECONDS = 30.0
_EF_DEAR = 200
_CAREFUL = 400
"""Beyond these, more ef_search costs every search, and more ef_construction every write, too much."""

_HOPELESS = 0.9
"""Below this recall, more care in building is not expected to help, and is not tried."""


class GraphUpkeep:
    """The maintainer's work on the graph of one index."""

    def __init__(self, recall: GraphRecall, m: int, ef_construction: int) -> None:
        self._recall = recall
        self._m = m
        self._ef_construction = ef_construction

    async def build(self, repository: MaintenanceRepository, index: Index) -> None:
        """Build the first graph of an index and measure it."""
        built = await _observed("first", index, lambda: repository.build_ann(index, self._m, self._ef_construction))
        if built:
            await self._measure(repository, index, self._ef_construction)

    async def care_for(self, repository: MaintenanceRepository, index: Index) -> None:
        """Rebuild a worn graph; measure one that has not been, or has grown."""
        known = index.graph or {}
        wear = await repository.graph_wear(index)
        if wear.leftover:
            await repository.drop_rebuilds(index)
        careful = int(known.get("ef_construction", self._ef_construction))
        since = wear.removed - int(known.get("removed", 0))
        removed = since if since >= 0 else wear.removed  # statistics were reset
        if known and wear.chunks and removed > WORN * (wear.chunks + removed):
            await self._rebuild(repository, index, careful)
        elif not known or not wear.chunks / _GROWN <= int(known["chunks"]) <= wear.chunks * _GROWN:
            await self._measure(repository, index, careful)

    async def _rebuild(self, repository: MaintenanceRepository, index: Index, ef_construction: int) -> None:
        if await _observed("anew", index, lambda: repository.rebuild_ann(index, ef_construction)):
            await self._measure(repository, index, ef_construction)

    async def _measure(self, repository: MaintenanceRepository, index: Index, ef_construction: int) -> None:
        """Measure recall at several ef_search: searches take the least that reaches their target."""
        recalls = await self._recall.measure(index, EF_LADDER, _QUERIES, seconds=_SECONDS)
        wear = await repository.graph_wear(index)
        await repository.set_graph(
            index,
            {
                "chunks": wear.chunks,
                "removed": wear.removed,
                "ef_construction": ef_construction,
                "recalls": {str(ef): round(recall, 4) for ef, recall in recalls.items()},
            },
        )
        log.info("ann_recall_measured", index=index.name, tenant=index.tenant_id, recalls=recalls)
        if _HOPELESS < recalls.get(_EF_DEAR, 1.0) < TARGET_RECALL and 2 * ef_construction <= _CAREFUL:
            await self._rebuild(repository, index, 2 * ef_construction)


async def _observed(kind: str, index: Index, work: Callable[[], Awaitable[None]]) -> bool:
    """Build, count and log; return whether it went well."""
    started = perf_counter()
    log.info("ann_build_started", kind=kind, index=index.name, tenant=index.tenant_id)
    try:
        await work()
    except ServiceError as error:
        metrics.ANN_BUILDS.labels("failed").inc()
        log.warning("ann_build_failed", kind=kind, index=index.name, tenant=index.tenant_id, code=error.code)
        return False
    metrics.ANN_BUILDS.labels("built").inc()
    seconds = round(perf_counter() - started, 1)
    log.info("ann_build_finished", kind=kind, index=index.name, tenant=index.tenant_id, seconds=seconds)
    return True

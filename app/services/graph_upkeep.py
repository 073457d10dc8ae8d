"""HNSW graphs: built when they pay, measured, and built anew when deletions have worn them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import perf_counter

import structlog

from app.domain.errors import ServiceError
from app.domain.graphs import DEAR_EF, Attempt, more_care
from app.domain.indexes import AnnState, Index
from app.domain.planning import EF_LADDER
from app.domain.quantisation import RERANK_LADDER, WIDE
from app.observability import metrics
from app.services.recall import GraphRecall
from app.storage.maintenance import MaintenanceRepository

log = structlog.get_logger()

WORN = 0.3
"""Share of a graph's chunks, removed or replaced since it was built, from which on it is built anew."""

_GROWN = 2.0
"""Growth after which recall is measured again: the same ef_search finds less in a larger graph."""

_QUERIES = 40
_WIDE_QUERIES = 20
_SECONDS = 30.0


class GraphUpkeep:
    """The maintainer's work on the graph of one index.

    A graph that answers is there after one build. One that finds too little is built anew with more care beside it,
    one attempt each time the index is looked at, and nobody waits for that.
    """

    def __init__(self, recall: GraphRecall, m: int, ef_construction: int) -> None:
        self._recall = recall
        self._m = m
        self._ef_construction = ef_construction

    async def build(self, repository: MaintenanceRepository, index: Index) -> None:
        """Build the first graph of an index, or one of another quantisation beside the one that answers."""
        m, ef_construction = self._m, self._ef_construction
        kind = "first" if index.graph is None else index.quantisation
        if await _observed(kind, index, lambda: repository.build_ann(index, m, ef_construction)):
            await self._measure(repository, index, m, ef_construction)

    async def care_for(self, repository: MaintenanceRepository, index: Index, ann: AnnState) -> None:
        """Measure a graph that has not been, or has grown; rebuild one that is worn, or finds too little.

        Once it has been measured and is useful, searches take it, and what it has replaced is dropped.
        """
        known = index.measured(index.quantisation)
        if known and index.is_useful(
            index.quantisation
        ):  # since an earlier look: whoever remembers an index for a second has seen it
            for replaced in (ann.ready | ann.building.keys()) - {index.quantisation}:
                await repository.drop_ann(index, replaced)
        wear = await repository.graph_wear(index)
        if wear.leftover:
            await repository.drop_rebuilds(index)
        m, ef_construction = int(known.get("m", self._m)), int(known.get("ef_construction", self._ef_construction))
        since = wear.removed - int(known.get("removed", 0))
        removed = since if since >= 0 else wear.removed  # statistics were reset
        tried = [Attempt(*attempt) for attempt in known.get("tried", ())]
        if known and wear.chunks and removed > WORN * (wear.chunks + removed):
            await self._rebuild("anew", repository, index, m, ef_construction)
        elif not known or not wear.chunks / _GROWN <= int(known["chunks"]) <= wear.chunks * _GROWN:
            await self._measure(repository, index, m, ef_construction)
        elif tried and (care := more_care(tried)) is not None:
            await self._rebuild("with_care", repository, index, *care, tried=tried)

    async def _rebuild(
        self, kind: str, repository: MaintenanceRepository, index: Index, m: int, ef_construction: int, *,
        tried: Sequence[Attempt] = (),
    ) -> None:  # fmt: skip
        if await _observed(kind, index, lambda: repository.rebuild_ann(index, m, ef_construction)):
            await self._measure(repository, index, m, ef_construction, tried=tried)

    async def _measure(
        self, repository: MaintenanceRepository, index: Index, m: int, ef_construction: int, *,
        tried: Sequence[Attempt] = (),
    ) -> None:  # fmt: skip
        """Measure recall at several ef_search: searches take the least that reaches their target.

        Of a bit-quantised graph, at several numbers of reranked chunks. ``tried`` are the graphs of the same chunks
        before this one.
        """
        started = perf_counter()
        ladder = EF_LADDER if index.quantisation == "none" else RERANK_LADDER
        recalls = await self._recall.measure(index, index.quantisation, ladder, _QUERIES, seconds=_SECONDS)
        wear = await repository.graph_wear(index)
        measured: dict[str, object] = {
            "quantisation": index.quantisation,
            "chunks": wear.chunks,
            "removed": wear.removed,
            "m": m,
            "ef_construction": ef_construction,
            "recalls": _kept(recalls),
        }
        if index.quantisation == "none":
            attempt = Attempt(m, ef_construction, round(recalls.get(DEAR_EF, 1.0), 4))
            measured["tried"] = [tuple(each) for each in (*tried, attempt)]
        else:  # what it lacks is mostly not the graph's fault: more are reranked, no other graph is tried
            wide = await self._recall.measure(index, "bit", ladder, _WIDE_QUERIES, seconds=_SECONDS, k=WIDE)
            measured["wide_recalls"] = _kept(wide)
        await repository.set_graph(index, measured)
        log.info(
            "ann_recall_measured",
            index=index.name,
            tenant=index.tenant_id,
            quantisation=index.quantisation,
            m=m,
            ef_construction=ef_construction,
            recalls=recalls,
            seconds=round(perf_counter() - started, 1),
        )


def _kept(recalls: Mapping[int, float]) -> dict[str, float]:
    return {str(number): round(recall, 4) for number, recall in recalls.items()}


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

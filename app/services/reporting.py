"""What operators watch between requests: how large and how worn the indexes are, and what searches find."""

import asyncio
from datetime import UTC, datetime
from time import monotonic

import structlog

from app.domain.errors import ServiceError
from app.domain.indexes import AnnState, Index, RecallEstimate
from app.domain.planning import usual_ef
from app.domain.quantisation import Quantisation, usual_reranking
from app.observability import metrics
from app.services.recall import GraphRecall
from app.storage.indexes import IndexRepository
from app.storage.operations import IndexHealth, OperationsRepository

log = structlog.get_logger()

INTERVAL = 15.0
"""Seconds between looks at sizes."""
RECALL_INTERVAL = 1800.0
"""Seconds between recall estimates: each probe measures every chunk of an index once."""
RECALL_SECONDS = 10.0
PROBES = 5
REPORTED = 100
"""Indexes with metrics of their own, the largest first: a tenant more is a set of time series more."""


class IndexReporter:
    """Every process reports, so that each can be asked; ask Prometheus for the maximum, not the sum."""

    def __init__(self, operations: OperationsRepository, indexes: IndexRepository, ef_search: int = 100) -> None:
        self._operations = operations
        self._recall = GraphRecall(operations)
        self._ef_search = ef_search
        self._indexes = indexes
        self._estimated: dict[int, float] = {}
        self._latest: dict[int, RecallEstimate] = {}

    def recall(self, index: Index) -> RecallEstimate | None:
        """Return the latest estimate of this process; None before the first, and without a graph."""
        return self._latest.get(index.index_id)

    async def run(self) -> None:
        """Report until cancelled; a database that is away is waited for."""
        while True:
            try:
                await self.report()
            except ServiceError as error:
                log.debug("report_skipped", code=error.code, detail=error.detail)
            except Exception:  # Citus gives a statement that is cut short on a shard codes that mean nothing
                log.exception("report_failed")
            await asyncio.sleep(INTERVAL)

    async def report(self) -> None:
        """Publish how the indexes stand, and estimate recall where it is due."""
        found = await self._operations.index_health(REPORTED)
        states = await self._indexes.ann_states()
        for gauge in (metrics.INDEX_CHUNKS, metrics.INDEX_DEAD_RATIO, metrics.INDEX_BYTES, metrics.ANN_PROGRESS):
            gauge.clear()  # an index that was dropped leaves nothing behind
        for health in found:
            _publish(health, states.get(health.index_id, AnnState()))
        await self._estimate({health.index_id for health in found}, states)

    async def _estimate(self, reported: set[int], states: dict[int, AnnState]) -> None:
        ready = {index_id for index_id in reported if states.get(index_id, AnnState()).state == "ready"}
        due = {i for i in ready if monotonic() - self._estimated.get(i, -RECALL_INTERVAL) >= RECALL_INTERVAL}
        if gone := self._estimated.keys() - ready:
            metrics.RECALL.clear()  # who is still there comes back at once
            due |= ready
            for index_id in gone:
                del self._estimated[index_id]
                self._latest.pop(index_id, None)
        if not due:
            return
        for index in await self._indexes.list_all(None):
            if index.index_id not in due:
                continue
            graph = states[index.index_id].answering(index)
            if graph is None:  # searches measure
                continue
            ef_search = self._usual(index, graph)
            recalls = await self._recall.measure(index, graph, [ef_search], PROBES, seconds=RECALL_SECONDS)
            self._estimated[index.index_id] = monotonic()
            if recalls:
                metrics.RECALL.labels(index.tenant_id, index.name).set(recalls[ef_search])
                self._latest[index.index_id] = RecallEstimate(recalls[ef_search], datetime.now(UTC))

    def _usual(self, index: Index, graph: Quantisation) -> int:
        if graph == "bit":
            return usual_reranking(index.recalls("bit"), index.wide_recalls()).least
        return usual_ef(index.recalls("none"), self._ef_search)


def _publish(health: IndexHealth, ann: AnnState) -> None:
    labels = (health.tenant_id, health.name)
    rows = health.chunks + health.dead_chunks
    metrics.INDEX_CHUNKS.labels(*labels).set(health.chunks)
    metrics.INDEX_DEAD_RATIO.labels(*labels).set(health.dead_chunks / rows if rows else 0.0)
    for part, size in health.bytes.items():
        metrics.INDEX_BYTES.labels(*labels, part).set(size)
    if ann.state != "none":
        metrics.ANN_PROGRESS.labels(*labels).set(ann.progress)

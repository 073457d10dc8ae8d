"""Measuring recall: of a graph by itself, and of searches as they are answered, filters and all."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic, perf_counter
from uuid import UUID, uuid4

import numpy as np

from app.domain.callers import OPERATOR
from app.domain.filters import Filters, PermittedFilters
from app.domain.indexes import Index
from app.domain.quantisation import Quantisation
from app.domain.recall import BUCKETS, bucket_of, probes, recall_of
from app.domain.vectors import Vector
from app.services.access import AccessResolver
from app.services.catalog import IndexCatalog
from app.services.nearest import Wanted
from app.services.planning import NearestPlanner
from app.storage.operations import FilterValue, OperationsRepository
from app.storage.search import SearchRepository

K = 10


class GraphRecall:
    """Measures HNSW graphs, without filters: searches choose by it, and the gauge shows it."""

    def __init__(self, operations: OperationsRepository) -> None:
        self._operations = operations

    async def measure(
        self, index: Index, graph: Quantisation, efs: Sequence[int], queries: int, *, seconds: float, k: int = K
    ) -> dict[int, float]:
        """Measure recall by ef_search over queries near random chunks; empty if there are no chunks.

        Parameters
        ----------
        index
            The index; its graph answers.
        graph
            Which of its graphs.
        efs
            Values of ef_search; of a bit-quantised graph, numbers of chunks that are reranked.
        queries
            How many at most.
        seconds
            After so many, what has been asked must do: each query measures every chunk once.
        k
            How many nearest chunks are looked for.
        """
        distances = self._operations.graph_distances if graph == "none" else self._operations.bit_graph_distances
        found: dict[int, list[float]] = {ef: [] for ef in efs}
        end = monotonic() + seconds
        for probe in await draw_probes(self._operations, index, queries):
            exact = await self._operations.exact_distances(index, probe, k)
            for ef in efs:  # a session each: searches go between
                found[ef].append(recall_of(exact, await distances(index, probe, k, ef)))
            if monotonic() > end:
                break
        return {ef: float(np.mean(recalls)) for ef, recalls in found.items() if recalls}


@dataclass(slots=True)
class MeasuredFilter:
    """How searches under one filter did beside exact ones.

    ``short``: searches with fewer hits than the exact one. Times are medians in milliseconds.
    """

    bucket: str
    filters: Mapping[str, object]
    share: float
    queries: int = 0
    recall: float = 1.0
    least: float = 1.0
    short: int = 0
    strategies: Mapping[str, int] = field(default_factory=dict)
    ms: float = 0.0
    exact_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class RecallRequest:
    """What to measure: k, queries per filter, the recall to aim at, and filters instead of the index's own."""

    k: int = K
    queries: int = 20
    min_recall: float | None = None
    filters: tuple[PermittedFilters, ...] = ()
    seconds: float = 20.0


class RecallService:
    """Asks the same questions twice: as they are answered, and exactly."""

    def __init__(
        self,
        catalog: IndexCatalog,
        access: AccessResolver,
        search: SearchRepository,
        planner: NearestPlanner,
        operations: OperationsRepository,
    ) -> None:
        self._catalog = catalog
        self._access = access
        self._search = search
        self._planner = planner
        self._operations = operations

    async def measure(self, tenant_id: str, index_name: str | None, request: RecallRequest) -> list[MeasuredFilter]:
        """Measure without a filter and under filters of every selectivity that the index's documents allow.

        Raises
        ------
        IndexNotFoundError
            There is no such index.
        AccessListMissingError
            The index is under access control, and a filter does not speak of it.
        """
        index = await self._catalog.get(tenant_id, index_name)
        questions = await draw_probes(self._operations, index, request.queries)
        if request.filters:
            chosen: list[tuple[Mapping[str, object], PermittedFilters]] = [({}, each) for each in request.filters]
        else:  # of everything: who may ask for this sees it all anyway
            own: list[tuple[Mapping[str, object], Filters]] = [
                ({}, Filters()),
                *_representative(await self._operations.filter_values(index)),
            ]
            chosen = [(described, OPERATOR.permit(filters)) for described, filters in own]
        each = request.seconds / len(chosen)
        return [
            await self._measured(index, described, filters, questions, request, each) for described, filters in chosen
        ]

    async def _measured(
        self,
        index: Index,
        described: Mapping[str, object],
        filters: PermittedFilters,
        questions: Sequence[Vector],
        request: RecallRequest,
        seconds: float,
    ) -> MeasuredFilter:
        values = await self._access.resolve(index, filters, anew=True)
        reader = self._search.reader(index, values)
        share = 1.0 if filters.is_open else await self._planner.share(reader, index, values)
        standing = await self._planner.standing(index)
        measured = MeasuredFilter(bucket_of(share), described, round(share, 6))
        recalls, times, strategies = [], [], Counter[str]()
        end = monotonic() + seconds
        for question in questions:
            wanted = Wanted(
                question, request.k, filters.is_open, min_recall=request.min_recall, indexed=filters.is_indexed
            )
            started = perf_counter()
            found = await self._planner.find(reader, standing, values, wanted)
            answered = perf_counter()
            exact = await reader.nearest_exact(question, request.k)
            times.append((answered - started, perf_counter() - answered))
            strategies[found.strategy] += 1
            distances = [row["distance"] for row in found.rows]
            recalls.append(recall_of([row["distance"] for row in exact], distances))
            measured.short += len(distances) < len(exact)
            if monotonic() > end:
                break
        if recalls:
            ms, exact_ms = (float(value) * 1000 for value in np.median(times, axis=0))
            measured.ms, measured.exact_ms = round(ms, 3), round(exact_ms, 3)
            measured.queries, measured.strategies = len(recalls), dict(strategies)
            measured.recall, measured.least = round(float(np.mean(recalls)), 4), round(min(recalls), 4)
        return measured


async def draw_probes(operations: OperationsRepository, index: Index, count: int) -> list[Vector]:
    """Draw queries near random chunks of an index; fewer if it has fewer documents."""
    drawn = await operations.sample_embeddings(index, uuid4(), count)
    if len(drawn) < count:  # past the last key: go on at the first
        drawn += await operations.sample_embeddings(index, UUID(int=0), count - len(drawn))
    return probes(drawn)


def _representative(values: Sequence[FilterValue]) -> list[tuple[Mapping[str, object], Filters]]:
    """Choose no filter, and the commonest and the rarest value of each bucket."""
    chosen: dict[FilterValue, None] = {}
    for name, _ in BUCKETS:
        inside = [value for value in values if bucket_of(value.share) == name]
        chosen |= dict.fromkeys([*inside[:1], *inside[-1:]])
    return [({}, Filters()), *(({value.kind: [value.value]}, _filters(value)) for value in chosen)]


def _filters(value: FilterValue) -> Filters:
    match value.kind:
        case "source_type":
            return Filters(source_type=(value.value,))
        case "tags":
            return Filters(tags=(value.value,))
        case _:
            return Filters(document_sets=(value.value,))

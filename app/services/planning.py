"""The planner: finds the nearest chunks under a filter by whatever is cheapest and good enough (docs/adr/0009)."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic, perf_counter
from typing import Any

from app.domain import planning
from app.domain.indexes import Index
from app.domain.planning import Choice, Prices, Sample, Situation
from app.domain.quantisation import Quantisation, Reranking, reranking_for, usual_reranking
from app.domain.replacement import SEGMENT_CHUNKS
from app.services.catalog import IndexCatalog
from app.services.nearest import Nearest, NearestReader, Rows, Wanted
from app.services.statistics import IndexStatistics
from app.storage.deadlines import milliseconds_left

Values = Mapping[str, object]

BUDGET = 1.0
"""Seconds that a search may be expected to take; beyond, it gives what it has and says that it is not complete."""

_FRESH_SECONDS = 5.0
_REMEMBERED = 2_048
_LEARNT_FROM = 2_000
"""Chunks from which on the time of an exact search says what a chunk costs."""
_LEARNING = 0.1
_FEW = 50
"""Rows that a head of the graph gives without a look at anything else."""
_NARROW = 10
"""Rows of a search without a filter for which the recall of the ten nearest speaks."""
_OUTGROWN = 20_000
"""Chunks from which on prices need not be looked at to find a few of all by the graph."""
_USUAL = Prices()
_BOUND = 8.0
"""Learnt prices stay within so many times of those measured beforehand."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an index stands, as of some seconds ago; ``graph`` is the quantisation of the graph that answers."""

    index: Index
    chunks: int
    graph: Quantisation | None


class NearestPlanner:
    """Chooses by price; prices are learnt, per index and process, from what statements take."""

    def __init__(self, catalog: IndexCatalog, statistics: IndexStatistics, ef_search: int) -> None:
        self._catalog = catalog
        self._statistics = statistics
        self._ef_search = ef_search
        self._prices: OrderedDict[int, Prices] = OrderedDict()
        self._samples: OrderedDict[tuple[int, int], tuple[Sample, float]] = OrderedDict()

    async def standing(self, index: Index) -> Standing:
        """Look up how an index stands: before a connection is held, since this may take one.

        Searches that hold all connections and wait for one more would wait for each other.
        """
        return Standing(index, await self._statistics.chunks(index), await self._catalog.answering_graph(index))

    async def find(self, reader: NearestReader, standing: Standing, values: Values, wanted: Wanted) -> Nearest:
        """Find the nearest chunks.

        Parameters
        ----------
        reader
            Runs the statements.
        standing
            The index, and how it stands.
        values
            The bound filter, by which its sample is remembered.
        wanted
            What is looked for.
        """
        if wanted.exact:
            rows = await reader.nearest_exact(wanted.embedding, wanted.limit)
            return Nearest(rows, "exact" if rows else "empty", exact=True)
        index = standing.index
        sample = None if wanted.open else self._known(index, values)
        situation = self._situation(standing, sample, wanted)
        prices = self._prices.get(index.index_id)
        if prices is None:
            prices = Prices()
            _remember(self._prices, index.index_id, prices)
        run = _Run(reader, wanted, prices, situation)
        found = await self._found(run, index, values, unknown=sample is None and not wanted.open)
        found.explained = partial(_explained, run)
        return found

    async def share(self, reader: NearestReader, index: Index, values: Values) -> float:
        """Estimate which share of an index's chunks passes a filter, by a sample that is some seconds old."""
        sample = self._known(index, values)
        if sample is None:
            sample = await reader.sample()
            _remember(self._samples, (index.index_id, _digest(values)), (sample, monotonic()))
        return sample.share

    def _known(self, index: Index, values: Values) -> Sample | None:
        sample, at = self._samples.get((index.index_id, _digest(values)), (None, 0.0))
        return sample if monotonic() - at <= _FRESH_SECONDS else None

    def _situation(self, standing: Standing, sample: Sample | None, wanted: Wanted) -> Situation:
        index, chunks = standing.index, standing.chunks
        recall = planning.TARGET_RECALL if wanted.min_recall is None else wanted.min_recall
        ef_search, oversampling = None, None
        if standing.graph == "bit":
            reranking = _reranking(index, wanted)
            ef_search, oversampling = (None, 1.0) if reranking is None else (reranking.least, reranking.oversampling)
        elif standing.graph == "none":
            ef_search = planning.ef_wanted(index.recalls("none"), wanted.min_recall, self._ef_search)
        share = 1.0 if sample is None else sample.share
        per_document = 10.0 if sample is None or not sample.documents else max(1.0, sample.chunks / sample.documents)
        documents = int(chunks / per_document)
        return Situation(
            chunks, documents, share, wanted.limit, standing.graph is not None, ef_search, recall,
            indexed=wanted.indexed, oversampling=oversampling,
        )  # fmt: skip

    async def _found(self, run: "_Run", index: Index, values: Values, *, unknown: bool) -> Nearest:
        """Try what is cheapest; a head that falls short is weighed against what else there is."""
        if (unknown or run.is_plain) and run.situation.ef_search is not None and run.situation.recall < 1.0:
            limit = run.wanted.limit
            width = planning.least_head(limit) if unknown else planning.head_needed(run.situation)
            choice = Choice("post_filter", width, 0.0)
        else:
            choice = run.choose()
            if unknown and choice.strategy != "exact":
                run.situation = replace(run.situation, share=await self.share(run.reader, index, values))
                choice = run.choose()
        while True:
            found = await run.take(choice)
            if found is not None:
                return found
            if not run.wanted.open:
                share = await self.share(run.reader, index, values)
                run.situation = replace(run.situation, share=share)
            choice = run.choose()


class _Run:
    """One search under way: what it knows, and what it has learnt of prices."""

    def __init__(self, reader: NearestReader, wanted: Wanted, prices: Prices, situation: Situation) -> None:
        self.reader = reader
        self.wanted = wanted
        self.prices = prices
        self.situation = situation
        self.considered: list[Choice] = []
        self.taken: list[tuple[Choice, int, float, int | None]] = []
        """Choices, with the rows they found, their seconds, and the rows of the graph that they reranked."""

    @property
    def is_plain(self) -> bool:
        """Whether a few of all are wanted from a large index, as most often."""
        return self.wanted.open and self.wanted.limit <= _FEW and self.situation.chunks >= _OUTGROWN

    def choose(self) -> Choice:
        """Choose by price."""
        left = milliseconds_left()
        budget = BUDGET if left is None else min(BUDGET, left / 1000)
        return planning.within(self.consider(), budget, self.situation)

    def consider(self) -> list[Choice]:
        """Look at the price of each way."""
        self.considered = planning.choices(self.situation, self.prices, SEGMENT_CHUNKS)
        return self.considered

    async def take(self, choice: Choice) -> Nearest | None:
        """Run a choice; None if too few passed and there is something else to be tried."""
        started = perf_counter()
        rows = await self._rows(choice)
        seconds = perf_counter() - started
        reranks = self._reranks and choice.strategy in {"post_filter", "iterative"}
        reranked = self.situation.graph_rows(choice.width) if reranks else None
        self.taken.append((choice, len(rows), seconds, reranked))
        self._learn(choice, rows, seconds)
        if choice.strategy == "exact":
            return Nearest(rows, "exact" if rows else "empty", exact=True)
        if choice.strategy == "coarse_to_fine":
            return Nearest(rows, "coarse_to_fine" if rows else "empty")
        if len(rows) >= self.wanted.limit or choice.final:
            name = "ann" if self.wanted.open else choice.strategy
            return Nearest(rows, f"bit_{name}" if reranks else name, complete=len(rows) >= self.wanted.limit)
        self.situation = replace(self.situation, tried=choice.width, passed=len(rows))
        return None

    async def _rows(self, choice: Choice) -> Rows:
        embedding, limit = self.wanted.embedding, self.wanted.limit
        if choice.strategy == "exact":
            return await self.reader.nearest_exact(embedding, limit)
        if choice.strategy == "coarse_to_fine":
            return await self.reader.nearest_coarse(embedding, limit, choice.width)
        ef_search = self.situation.graph_ef(choice.width)
        if self._reranks:
            rows = self.situation.graph_rows(choice.width)
            return await self.reader.nearest_bit_ann(embedding, limit, choice.width, rows, ef_search)
        return await self.reader.nearest_ann(embedding, limit, choice.width, ef_search)

    @property
    def _reranks(self) -> bool:
        return self.situation.oversampling is not None

    def _learn(self, choice: Choice, rows: Rows, seconds: float) -> None:
        now = self.situation
        if choice.strategy == "exact":
            measured = rows[0]["measured"] if rows else 0
            if measured >= _LEARNT_FROM:
                self._blend("chunk", seconds / planning.exact_units(measured, now.scanned))
        elif choice.strategy == "coarse_to_fine":
            units = planning.coarse_units(now.chunks, now.scanned, choice.width, SEGMENT_CHUNKS)
            self._blend("segment", seconds / units)
        else:
            self._blend("head", seconds / planning.head_units(now.graph_rows(choice.width), now.graph_ef(choice.width)))

    def _blend(self, name: str, seen: float) -> None:
        """Move a price towards what was seen, exponentially weighted, within bounds: one hiccup is no price."""
        usual = getattr(_USUAL, name)
        seen = min(max(seen, usual / _BOUND), usual * _BOUND)
        old = getattr(self.prices, name)
        setattr(self.prices, name, old + _LEARNING * (seen - old))


def _explained(run: _Run) -> dict[str, Any]:
    situation = run.situation
    considered = run.consider() if run.is_plain and not run.considered else run.considered
    return {
        "chunks": situation.chunks,
        "share": round(situation.share, 6),
        "allowed": round(situation.allowed),
        "ef_search": situation.ef_search,
        "recall": situation.recall,
        "oversampling": situation.oversampling,
        "predicted_ms": {choice.strategy: round(choice.seconds * 1000, 3) for choice in considered},
        "taken": [_step(*taken) for taken in run.taken],
    }


def _step(choice: Choice, rows: int, seconds: float, reranked: int | None) -> dict[str, Any]:
    step = {"strategy": choice.strategy, "width": choice.width, "rows": rows, "ms": round(seconds * 1000, 3)}
    return step if reranked is None else step | {"reranked": reranked}


def _reranking(index: Index, wanted: Wanted) -> Reranking | None:
    recalls, wide_recalls = index.recalls("bit"), index.wide_recalls()
    if wanted.min_recall is None:
        return usual_reranking(recalls, wide_recalls)
    wide = not wanted.open or wanted.limit > _NARROW
    return reranking_for(recalls, wide_recalls, wanted.min_recall, wide=wide)


def _digest(values: Values) -> int:
    """Tell filters apart, by all they bind."""
    kinds = ((tuple(value) if isinstance(value, list) else value) for value in values.values())
    return hash(tuple(repr(value) if isinstance(value, Mapping) else value for value in kinds))


def _remember(memory: OrderedDict[Any, Any], key: object, value: object) -> None:
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > _REMEMBERED:
        memory.popitem(last=False)

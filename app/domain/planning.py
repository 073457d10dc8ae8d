"""How the nearest chunks under a filter are found: what each way costs, and which is taken (docs/adr/0009)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Strategy = Literal["post_filter", "iterative", "coarse_to_fine", "exact"]

TARGET_RECALL = 0.99
"""What is aimed at where a request says nothing else."""

LARGEST_EF = 1_000
"""pgvector's bound of hnsw.ef_search; a wider head goes on by iterative scans."""

WIDEST_HEAD = 20_000
"""Half of hnsw.max_scan_tuples."""

EF_LADDER = (40, 64, 100, 150, 200, 400, 800)
"""Values of ef_search that are measured."""

_LEAST_HEAD = 100
_PATIENCE = 0.1
"""Seconds of exact search that are well spent while there is no graph."""
_HEAD_OFFSET = 40
_DOCUMENT_SHARE = 0.05
_TRUST = 20.0
"""Rows of a head that the sample's share counts as much as: the head knows whether the filter is near the query."""

_RESCORED: tuple[tuple[float, float], ...] = ((0.95, 4.0), (0.99, 6.0))
_RESCORED_MOST = 12.0


@dataclass(slots=True)
class Prices:
    """Seconds that a row costs: taken from the graph and filtered; measured; as a segment measured and refined.

    They are learnt in place, by all searches of an index at once.
    """

    head: float = 10e-6
    chunk: float = 1.2e-6
    segment: float = 0.6e-6


@dataclass(frozen=True, slots=True)
class Sample:
    """How many chunks of a random sample of documents pass a filter."""

    documents: int
    chunks: int
    passing_chunks: int

    @property
    def share(self) -> float:
        """The share that passes, never quite 0: what a sample does not show may be there; 1 for an empty index."""
        if not self.chunks:
            return 1.0
        per_document = self.chunks / max(1, self.documents)
        return (self.passing_chunks + per_document / 2) / (self.chunks + per_document)


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when a strategy is chosen.

    Attributes
    ----------
    chunks, documents
        Of the index, about.
    share
        Of the chunks that pass the filter, about.
    limit
        Rows wanted.
    has_graph
        Whether there is an HNSW graph that answers.
    ef_search
        That reaches the recall wanted; None if none does.
    recall
        That is wanted.
    tried, passed
        Rows of the head that were looked at in vain, and those that passed; 0 before.
    indexed
        Whether an index leads to what passes, so that the other documents need not be looked at.
    oversampling
        Of a bit-quantised graph: chunks that are reranked for each row of a head, and ``ef_search`` of them at least;
        None where the graph holds embeddings whole.
    """

    chunks: int
    documents: int
    share: float
    limit: int
    has_graph: bool
    ef_search: int | None
    recall: float = TARGET_RECALL
    tried: int = 0
    passed: int = 0
    indexed: bool = False
    oversampling: float | None = None

    @property
    def allowed(self) -> float:
        """Chunks that pass the filter, about."""
        return self.share * self.chunks

    @property
    def scanned(self) -> float:
        """Documents that are looked at to find those that pass, about."""
        return self.share * self.documents if self.indexed else self.documents

    def graph_rows(self, width: int) -> int:
        """Rows that are taken from the graph for a head of some width."""
        if self.oversampling is None:
            return width
        return max(self.ef_search or 0, math.ceil(width * self.oversampling))

    def graph_ef(self, width: int) -> int:
        """The ef_search of that; of a bit-quantised graph all candidates are reranked."""
        if self.oversampling is None:
            return head_ef(width, self.limit, self.ef_search or 0)
        return min(self.graph_rows(width), LARGEST_EF)

    @property
    def widest_head(self) -> int:
        """Rows of the widest head there is."""
        return WIDEST_HEAD if self.oversampling is None else int(WIDEST_HEAD / self.oversampling)


@dataclass(frozen=True, slots=True)
class Choice:
    """A way, with its width (rows of the head, or segments, or 0) and the seconds it should take.

    ``final``: nothing else is affordable, so that it answers however few rows it finds.
    """

    strategy: Strategy
    width: int
    seconds: float
    final: bool = False


def head_units(rows: int, ef_search: int) -> float:
    """Return what a head costs, in rows."""
    return max(rows, min(ef_search, LARGEST_EF)) + _HEAD_OFFSET


def exact_units(allowed: float, scanned: float) -> float:
    """Return what measuring all that pass costs, in chunks."""
    return allowed + _DOCUMENT_SHARE * scanned


def coarse_units(chunks: int, scanned: float, segments: int, segment_chunks: int) -> float:
    """Return what measuring segments first costs, in segments."""
    return chunks / segment_chunks + 3.0 * segments * segment_chunks + 0.1 * scanned


def least_head(limit: int) -> int:
    """Return how many rows of the graph are worth looking at where nothing is known of the filter."""
    return max(_LEAST_HEAD, 2 * limit)


def head_ef(width: int, limit: int, ef_search: int) -> int:
    """Return the ef_search of a head: as wide as it is, the rows at its end must be as right as the first ones."""
    return min(max(ef_search, width if width > least_head(limit) else 0), LARGEST_EF)


def head_needed(situation: Situation) -> int:
    """Return how wide a head must be for the limit to pass, by what the sample and the head before it say."""
    if situation.oversampling is not None and situation.share >= 1.0:
        return situation.limit  # each row more is several more to be reranked
    rate = (situation.passed + _TRUST * situation.share) / (situation.tried + _TRUST)
    wanted = (situation.limit + 3.0 * math.sqrt(situation.limit)) / max(rate, 1e-9)
    return max(least_head(situation.limit), math.ceil(min(wanted, 1e9)))


def segments_needed(situation: Situation, segment_chunks: int) -> int:
    """Return how many segments must be refined for the recall wanted: about the root of what passes."""
    factor = next((factor for recall, factor in _RESCORED if situation.recall <= recall), _RESCORED_MOST)
    chunks = max(factor * math.sqrt(situation.allowed), 10.0 * situation.limit)
    return math.ceil(chunks / segment_chunks)


def choices(situation: Situation, prices: Prices, segment_chunks: int) -> list[Choice]:
    """Return what could be done, cheapest first, by the seconds until there is an answer.

    A head that falls short must be followed by something else: how likely that is stands in its price.
    """
    exact = Choice("exact", 0, prices.chunk * exact_units(situation.allowed, situation.scanned))
    dear_without_graph = not situation.has_graph and exact.seconds > _PATIENCE
    if situation.recall >= 1.0 or (situation.ef_search is None and not dear_without_graph):
        return [exact]
    segments = segments_needed(situation, segment_chunks)
    coarse = prices.segment * coarse_units(situation.chunks, situation.scanned, segments, segment_chunks)
    found = [exact, Choice("coarse_to_fine", segments, coarse)]
    width = head_needed(situation)
    if situation.ef_search is not None and _is_hopeful(situation) and situation.tried < width <= situation.widest_head:
        rows = situation.graph_rows(width)
        seconds = prices.head * head_units(rows, situation.ef_search)
        seconds += _risk(situation) * min(exact.seconds, coarse)
        found.append(Choice("post_filter" if rows <= LARGEST_EF else "iterative", width, seconds))
    return sorted(found, key=lambda choice: choice.seconds)


def within(found: list[Choice], budget: float, situation: Situation) -> Choice:
    """Take the cheapest; if even that is too dear, the widest head there is: short perhaps, and said to be."""
    if found[0].seconds <= budget or situation.ef_search is None:
        return found[0]
    return Choice("iterative", situation.widest_head, budget, final=True)


def usual_ef(recalls: Mapping[int, float], otherwise: int) -> int:
    """Return the ef_search of searches that ask for nothing special: if none reaches the target, the best there is."""
    return ef_for(recalls, TARGET_RECALL, otherwise) or max(recalls)


def ef_wanted(recalls: Mapping[int, float], min_recall: float | None, otherwise: int) -> int | None:
    """Return the ef_search of searches that ask for a recall, or for nothing special."""
    if min_recall is None:
        return usual_ef(recalls, otherwise)
    return ef_for(recalls, min_recall, otherwise)


def ef_for(recalls: Mapping[int, float], wanted: float, otherwise: int) -> int | None:
    """Return the least ef_search that was measured to reach a recall; None if none does.

    Parameters
    ----------
    recalls
        By ef_search; empty if nothing was measured.
    wanted
        The recall.
    otherwise
        Taken where nothing was measured.
    """
    if not recalls:
        return otherwise
    return min((ef for ef, recall in recalls.items() if recall >= wanted), default=None)


def _is_hopeful(situation: Situation) -> bool:
    """Tell whether to widen a head that was widened before: only if it was half of the way."""
    return situation.tried <= least_head(situation.limit) or 2 * situation.passed >= situation.limit


def _risk(situation: Situation) -> float:
    """Tell how likely the next head falls short: fewer passed than the share says where the filter is far away."""
    return 0.5 if situation.passed < situation.share * situation.tried / 2 else 0.05

"""Hybrid search: two lists, every score for every candidate, one order."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain import ranking_default, ranking_lists, ranking_vespa
from app.domain.indexes import Index
from app.domain.ranking import Candidates, Ints, Ranking, RankProfile, list_ranks, rank_order
from app.domain.search import CANDIDATE_LIMIT, Search
from app.domain.vectors import Vector
from app.services.interpreting import Interpreted
from app.services.keyword import HYBRID_BUDGET, Found, find_keyword
from app.services.nearest import Nearest
from app.services.scoring import TitleScorer, score_candidates
from app.storage.candidates import CandidateReader, ChunkId, chunk_ids
from app.storage.nearest import Rows

_CANDIDATES: dict[RankProfile, int] = {
    "default": CANDIDATE_LIMIT,
    "vespa": ranking_vespa.RERANKED,
    "opensearch": ranking_lists.OPENSEARCH_CANDIDATES,
    "rrf": ranking_lists.OPENSEARCH_CANDIDATES,
}

FindNearest = Callable[[Vector, int], Awaitable[Nearest]]
"""Finds the nearest chunks of an embedding, at most so many, under the filter of the search."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a hybrid search stands on, found out before its snapshot."""

    share: float
    background: float
    title_length: float
    nearest: FindNearest


@dataclass(frozen=True, slots=True)
class Ranked:
    """Chunks in order, best first, with what their scores are made of.

    Attributes
    ----------
    chunks
        The candidates that take part, ordered.
    places
        Where each stands in the arrays of the ranking.
    rows
        Rows that carry ``acl_count``.
    explained
        What the planner of the nearest chunks knew and did, where somebody asks.
    """

    chunks: list[ChunkId]
    places: Ints
    ranking: Ranking
    strategy: str
    complete: bool
    exact: bool = False
    degraded: tuple[str, ...] = ()
    rows: Rows = field(default_factory=list)
    explained: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Union:
    """Both lists as one: the nearest as they were found, and every score of every candidate."""

    nearest: Nearest
    chunks: list[ChunkId]
    candidates: Candidates


@dataclass(frozen=True, slots=True)
class _Hybrid:
    """One hybrid search; the parameters of `find_hybrid`, and its keyword list."""

    reader: CandidateReader
    index: Index
    search: Search
    query: Interpreted
    profile: RankProfile
    around: Surroundings
    limit: int
    keyword: Found

    async def union(self, embedding: Vector) -> _Union:
        """Find the nearest, and score them and the keyword list."""
        nearest = Nearest([], "")
        if not self.query.phrases:  # else only what holds them counts, and the keyword list has it
            nearest = await self.around.nearest(embedding, self.limit)
        titles = None
        if self.profile in {"vespa", "opensearch"}:
            text, phrases = self.search.query or "", self.profile == "opensearch"
            titles = TitleScorer(self.index, self.query, text, self.around.title_length, phrases=phrases)
        chunks, candidates = await score_candidates(
            self.reader, self.query, embedding, chunk_ids(nearest.rows), self.keyword.chunks, titles=titles
        )
        return _Union(nearest, chunks, candidates)

    async def rank_default(self, embedding: Vector) -> tuple[_Union, Ranking]:
        """Fuse and smooth; with feedback once more, for what the best are near to; then weigh votes and age."""
        union = await self.union(embedding)
        ranking, best = await self._smoothed(union)
        if self.search.feedback and len(best) and not self.query.phrases:
            union = await self.union(ranking_default.feedback(embedding, best))
            ranking, _ = await self._smoothed(union)
        parts = {**ranking.parts, **ranking_default.priors(union.candidates)}
        boost, age = union.candidates.boost.astype(np.float64), union.candidates.age
        features = {**ranking.features, "boost": boost, "age_years": age}
        return union, replace(ranking, parts=parts, features=features)

    async def _smoothed(self, union: _Union) -> tuple[Ranking, NDArray[np.float32]]:
        """Fuse, and smooth the head over its neighbours; also give the embeddings of the best after that."""
        alpha = ranking_default.vector_weight(self.search.query_type, self.search.hybrid_alpha)
        largest = self.query.largest_bm25
        ranking = ranking_default.fuse(union.candidates, alpha, self.around.background, largest)
        weights = {
            **ranking.weights,
            "smoothing": ranking_default.SMOOTHING,
            "boost": ranking_default.BOOST_WEIGHT,
            "recency": ranking_default.RECENCY_WEIGHT,
        }
        ranking = replace(ranking, weights=weights)
        if not (self.search.smoothing or self.search.feedback):
            return ranking, np.zeros((0, self.index.embedding_dimension), np.float32)
        ordered, places = _ordered(union.chunks, ranking)
        head = places[: ranking_default.SMOOTHED_HEAD]
        embeddings = await self.reader.embeddings(ordered[: len(head)])
        if self.search.smoothing:
            smoothing = ranking_default.smooth(ranking.scores, head, embeddings)
            ranking = replace(ranking, parts={**ranking.parts, "smoothing": smoothing})
        best = np.argsort(-ranking.scores[head], kind="stable")[: ranking_default.FEEDBACK_CHUNKS]
        return ranking, embeddings[best]


async def find_hybrid(
    reader: CandidateReader,
    index: Index,
    search: Search,
    query: Interpreted,
    embedding: Vector,
    profile: RankProfile,
    around: Surroundings,
) -> Ranked:
    """Find candidates by both lists and rank their union.

    The reader reads under the filter, in one snapshot; the embedding is not zero.
    """
    limit = max(search.limit, search.candidate_limit or _CANDIDATES[profile])
    budget = max(HYBRID_BUDGET, 5 * limit)
    keyword = await find_keyword(reader, index, query, limit, around.share, budget=budget, force_exact=search.exact)
    hybrid = _Hybrid(reader, index, search, query, profile, around, limit, keyword)
    if profile == "default":
        union, ranking = await hybrid.rank_default(embedding)
    else:
        union = await hybrid.union(embedding)
        ranking = _rank(profile, search, union.candidates, limit)
    ranking = replace(ranking, features={**ranking.features, **list_ranks(union.candidates)})
    chunks, places = _ordered(union.chunks, ranking)
    return Ranked(
        chunks=chunks,
        places=places,
        ranking=ranking,
        strategy=keyword.strategy if query.phrases else f"{union.nearest.strategy}+{keyword.strategy}",
        complete=len(chunks) >= search.limit or keyword.complete,
        degraded=keyword.degraded,
        rows=union.nearest.rows or keyword.rows,
        explained=union.nearest.explained() if search.explain else {},
    )


def _ordered(chunks: Sequence[ChunkId], ranking: Ranking) -> tuple[list[ChunkId], Ints]:
    order = rank_order(ranking.scores, [chunk.document_id for chunk in chunks], [chunk.chunk_index for chunk in chunks])
    order = order[ranking.kept[order]]
    return [chunks[place] for place in order], order


def _rank(profile: RankProfile, search: Search, candidates: Candidates, limit: int) -> Ranking:
    if profile == "vespa":
        alpha = ranking_vespa.alpha_of(search.query_type, search.hybrid_alpha)
        reranked = max(ranking_vespa.RERANKED, limit)
        keyword_base = search.query_type == "keyword"
        return ranking_vespa.fuse_vespa(candidates, alpha, keyword_base=keyword_base, reranked=reranked)
    if profile == "opensearch":
        weight = 0.5 if search.hybrid_alpha is None else search.hybrid_alpha
        return ranking_lists.fuse_opensearch(candidates, weight)
    return ranking_lists.fuse_rrf(candidates)

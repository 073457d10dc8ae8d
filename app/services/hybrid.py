"""Hybrid search: two lists, every score for every candidate, one order."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from app.domain import ranking_default, ranking_lists, ranking_vespa
from app.domain.indexes import Index
from app.domain.ranking import Candidates, Ints, Ranking, RankProfile, list_ranks, rank_order
from app.domain.search import CANDIDATE_LIMIT, Search
from app.domain.vectors import Vector
from app.services.interpreting import Interpreted
from app.services.keyword import HYBRID_BUDGET, SMALL, find_keyword
from app.services.scoring import TitleScorer, score_candidates
from app.storage.candidates import CandidateReader, ChunkId, Rows, chunk_ids

_CANDIDATES: dict[RankProfile, int] = {
    "default": CANDIDATE_LIMIT,
    "vespa": ranking_vespa.RERANKED,
    "opensearch": ranking_lists.OPENSEARCH_CANDIDATES,
    "rrf": ranking_lists.OPENSEARCH_CANDIDATES,
}
_MOST_FROM_GRAPH = 4_000
_RESERVE = 1.5
"""How many times as many rows are taken from the graph as should pass the filter, on average."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a hybrid search stands on, found out before its snapshot."""

    share: float
    ann_ready: bool
    background: float
    title_length: float


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
    """

    chunks: list[ChunkId]
    places: Ints
    ranking: Ranking
    strategy: str
    complete: bool
    exact: bool = False
    degraded: tuple[str, ...] = ()
    rows: Rows = field(default_factory=list)


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

    Parameters
    ----------
    reader
        Reads the index under the filter, in one snapshot.
    index
        The index.
    search
        The request.
    query, embedding
        What is looked for; the embedding is not zero.
    profile
        How to rank.
    around
        What is known of the index and of the filter.
    """
    limit = max(search.limit, search.candidate_limit or _CANDIDATES[profile])
    keyword = await find_keyword(
        reader, index, query, limit, around.share, budget=max(HYBRID_BUDGET, 5 * limit), force_exact=search.exact
    )
    strategy, rows = "", keyword.rows[:0]
    if not query.phrases:  # else only what holds them counts, and the keyword list has it
        strategy, rows = await _nearest(reader, search, query, embedding, limit, around)
    titles = None
    if profile in {"vespa", "opensearch"}:
        titles = TitleScorer(index, query, search.query or "", around.title_length, phrases=profile == "opensearch")
    nearest = chunk_ids(rows)
    chunks, candidates = await score_candidates(reader, query, embedding, nearest, keyword.chunks, titles=titles)
    if profile == "default":
        if search.feedback and not query.phrases and chunks:
            embedding = await _feedback(reader, search, query, chunks, candidates, embedding, around)
            _, more = await _nearest(reader, search, query, embedding, limit, around)
            chunks, candidates = await score_candidates(reader, query, embedding, chunk_ids(more), keyword.chunks)
        ranking = await _rank_default(reader, search, query, chunks, candidates, around)
    else:
        ranking = _rank(profile, search, candidates, limit)
    ranking = replace(ranking, features={**ranking.features, **list_ranks(candidates)})
    chunks, places = _ordered(chunks, ranking)
    return Ranked(
        chunks=chunks,
        places=places,
        ranking=ranking,
        strategy=keyword.strategy if query.phrases else f"{strategy}+{keyword.strategy}",
        complete=len(chunks) >= search.limit or keyword.complete,
        degraded=keyword.degraded,
        rows=rows or keyword.rows,
    )


def _ordered(chunks: Sequence[ChunkId], ranking: Ranking) -> tuple[list[ChunkId], Ints]:
    order = rank_order(ranking.scores, [chunk.document_id for chunk in chunks], [chunk.chunk_index for chunk in chunks])
    order = order[ranking.kept[order]]
    return [chunks[place] for place in order], order


async def _nearest(
    reader: CandidateReader,
    search: Search,
    query: Interpreted,
    embedding: Vector,
    limit: int,
    around: Surroundings,
) -> tuple[str, Rows]:
    """Find the nearest chunks: by the graph where enough of what it gives passes the filter."""
    if around.ann_ready and not search.exact and around.share * query.chunks > SMALL:
        wanted = min(int(_RESERVE * limit / around.share), max(_MOST_FROM_GRAPH, limit))
        if search.filters.is_open:
            wanted = limit + CANDIDATE_LIMIT
        rows = await reader.nearest_ann(embedding, limit, wanted)
        if len(rows) >= limit:
            return ("ann" if search.filters.is_open else "post_filter"), rows
    return "exact", await reader.nearest_exact(embedding, limit)


def _fuse_default(search: Search, query: Interpreted, candidates: Candidates, around: Surroundings) -> Ranking:
    alpha = ranking_default.vector_weight(search.query_type, search.hybrid_alpha)
    return ranking_default.fuse(candidates, alpha, around.background, query.largest_bm25)


async def _feedback(
    reader: CandidateReader,
    search: Search,
    query: Interpreted,
    chunks: Sequence[ChunkId],
    candidates: Candidates,
    embedding: Vector,
    around: Surroundings,
) -> Vector:
    """Move the query embedding towards the first chunks."""
    first, _ = _ordered(chunks, _fuse_default(search, query, candidates, around))
    best = await reader.embeddings(first[: ranking_default.FEEDBACK_CHUNKS])
    return ranking_default.feedback(embedding, best)


async def _rank_default(
    reader: CandidateReader,
    search: Search,
    query: Interpreted,
    chunks: Sequence[ChunkId],
    candidates: Candidates,
    around: Surroundings,
) -> Ranking:
    """Fuse, smooth the head over its neighbours, then weigh votes and age."""
    ranking = _fuse_default(search, query, candidates, around)
    parts = dict(ranking.parts)
    features = dict(ranking.features)
    if search.smoothing:
        ordered, places = _ordered(chunks, ranking)
        head = ranking_default.SMOOTHED_HEAD
        embeddings = await reader.embeddings(ordered[:head])
        parts["smoothing"] = ranking_default.smooth(ranking.scores, places[:head], embeddings)
    parts |= ranking_default.priors(candidates)
    features |= {"boost": candidates.boost.astype(np.float64), "age_years": candidates.age}
    weights = dict(ranking.weights) | {
        "smoothing": ranking_default.SMOOTHING,
        "boost": ranking_default.BOOST_WEIGHT,
        "recency": ranking_default.RECENCY_WEIGHT,
    }
    return replace(ranking, parts=parts, features=features, weights=weights)


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

"""Hybrid search: two lists, every score for every candidate, one order."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from app.domain import ranking_default, ranking_lists, ranking_vespa
from app.domain.indexes import Index
from app.domain.ranking import Candidates, Ints, Ranking, RankProfile, list_ranks, rank_order
from app.domain.search import CANDIDATE_LIMIT, Search
from app.domain.vectors import Vector
from app.services.interpreting import Interpreted
from app.services.keyword import HYBRID_BUDGET, find_keyword
from app.services.planning import Nearest
from app.services.scoring import TitleScorer, score_candidates
from app.storage.candidates import CandidateReader, ChunkId, Rows, chunk_ids

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
        What the planner of the nearest chunks knew and did.
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
    near = Nearest([], "")
    if not query.phrases:  # else only what holds them counts, and the keyword list has it
        near = await around.nearest(embedding, limit)
    titles = None
    if profile in {"vespa", "opensearch"}:
        titles = TitleScorer(index, query, search.query or "", around.title_length, phrases=profile == "opensearch")
    nearest = chunk_ids(near.rows)
    chunks, candidates = await score_candidates(reader, query, embedding, nearest, keyword.chunks, titles=titles)
    if profile == "default":
        if search.feedback and not query.phrases and chunks:
            embedding = await _feedback(reader, search, query, chunks, candidates, embedding, around)
            more = chunk_ids((await around.nearest(embedding, limit)).rows)
            chunks, candidates = await score_candidates(reader, query, embedding, more, keyword.chunks)
        ranking = await _rank_default(reader, search, query, chunks, candidates, around)
    else:
        ranking = _rank(profile, search, candidates, limit)
    ranking = replace(ranking, features={**ranking.features, **list_ranks(candidates)})
    chunks, places = _ordered(chunks, ranking)
    return Ranked(
        chunks=chunks,
        places=places,
        ranking=ranking,
        strategy=keyword.strategy if query.phrases else f"{near.strategy}+{keyword.strategy}",
        complete=len(chunks) >= search.limit or keyword.complete,
        degraded=keyword.degraded,
        rows=near.rows or keyword.rows,
        explained=near.explained,
    )


def _ordered(chunks: Sequence[ChunkId], ranking: Ranking) -> tuple[list[ChunkId], Ints]:
    order = rank_order(ranking.scores, [chunk.document_id for chunk in chunks], [chunk.chunk_index for chunk in chunks])
    order = order[ranking.kept[order]]
    return [chunks[place] for place in order], order


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

"""The profiles that go by lists: OpenSearch's hybrid query as Onyx sends it, and reciprocal rank fusion."""

import numpy as np

from app.domain.ranking import UNRANKED, Candidates, Floats, Ints, Ranking

OPENSEARCH_CANDIDATES = 500
"""Rows of each sub-query."""

TITLE_WEIGHT = 0.1
TITLE_PHRASE_WEIGHT = 0.2
CONTENT_WEIGHT = 1.0
CONTENT_PHRASE_WEIGHT = 1.5
PHRASE_SLOP = 1
_LEAST = 0.001

RRF_K = 60
"""Source: G. Cormack et al., "Reciprocal rank fusion outperforms Condorcet", SIGIR 2009."""


def lexical(candidates: Candidates) -> Floats:
    """Add up the clauses of Onyx's lexical query: title and content, as words and as phrases; shape (n,)."""
    return (
        TITLE_WEIGHT * candidates.title_bm25
        + TITLE_PHRASE_WEIGHT * candidates.title_phrase
        + CONTENT_WEIGHT * candidates.bm25
        + CONTENT_PHRASE_WEIGHT * candidates.content_phrase
    )


def fuse_opensearch(candidates: Candidates, vector_weight: float = 0.5) -> Ranking:
    """Score as OpenSearch's normalisation processor does with min-max and the weighted mean.

    Each sub-query is scaled over its own hits; its lowest hit gets 0.001, a chunk it did not find 0, and
    hits that are all equal get 1. Votes and age are not looked at, as in Onyx. Source: the neural-search
    plugin's ``MinMaxScoreNormalizationTechnique`` and ``ArithmeticMeanScoreCombinationTechnique``.

    Returns
    -------
    Ranking
        Parts ``vector`` and ``keyword``.
    """
    words = lexical(candidates)
    vector = _scaled((1.0 + candidates.cosine) / 2.0, candidates.vector_rank)
    keyword = _scaled(words, candidates.keyword_rank)
    return Ranking(
        parts={"vector": vector_weight * vector, "keyword": (1 - vector_weight) * keyword},
        features={
            "cosine": candidates.cosine,
            "bm25_content": candidates.bm25,
            "bm25_title": candidates.title_bm25,
            "phrase_content": candidates.content_phrase,
            "phrase_title": candidates.title_phrase,
            "lexical": words,
            "vector_normalised": vector,
            "keyword_normalised": keyword,
        },
        weights={
            "vector": vector_weight,
            "keyword": 1 - vector_weight,
            "title": TITLE_WEIGHT,
            "title_phrase": TITLE_PHRASE_WEIGHT,
            "content": CONTENT_WEIGHT,
            "content_phrase": CONTENT_PHRASE_WEIGHT,
        },
        kept=np.ones(len(candidates), np.bool_),
    )


def fuse_rrf(candidates: Candidates) -> Ranking:
    """Score by ranks alone: ``1 / (60 + rank)`` from each list, ranks from 1; parts ``vector``, ``keyword``."""
    return Ranking(
        parts={"vector": _reciprocal(candidates.vector_rank), "keyword": _reciprocal(candidates.keyword_rank)},
        features={
            "cosine": candidates.cosine,
            "bm25": candidates.bm25,
        },
        weights={"k": float(RRF_K)},
        kept=np.ones(len(candidates), np.bool_),
    )


def _scaled(values: Floats, ranks: Ints) -> Floats:
    found = ranks != UNRANKED
    result = np.zeros_like(values)
    if found.any():
        low, high = float(values[found].min()), float(values[found].max())
        if high > low:
            result[found] = np.maximum((values[found] - low) / (high - low), _LEAST)
        else:
            result[found] = 1.0
    return result


def _reciprocal(ranks: Ints) -> Floats:
    return np.where(ranks == UNRANKED, 0.0, 1.0 / (RRF_K + 1.0 + ranks))

"""The profile that ranks as Vespa does for Onyx: hybrid_search_semantic_base and …_keyword_base.

Source: the schema ``danswer_chunk.sd.jinja`` in onyx-dot-app/onyx.
"""

import numpy as np
from numpy.typing import NDArray

from app.domain.ranking import (
    Candidates,
    Floats,
    QueryType,
    Ranking,
    boost_factor,
    min_max,
    recency_factor,
)

ALPHA = 0.5
KEYWORD_ALPHA = 0.2
TITLE_RATIO = 0.1
RERANKED = 1000


def alpha_of(query_type: QueryType | None, hybrid_alpha: float | None) -> float:
    """Choose alpha: as asked for, else Onyx's by the kind of query."""
    if hybrid_alpha is not None:
        return hybrid_alpha
    return KEYWORD_ALPHA if query_type == "keyword" else ALPHA


def closeness(cosine: Floats) -> Floats:
    """Vespa's closeness of the angular distance: 1 / (1 + angle), 0 for a vector that is not there (NaN)."""
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    return np.where(np.isnan(cosine), 0.0, 1.0 / (1.0 + angle))


def fuse_vespa(candidates: Candidates, alpha: float, *, keyword_base: bool, reranked: int = RERANKED) -> Ranking:
    """Score by Vespa's formula, over the best candidates of its first phase.

    ``[a*(r*N(max(ce, ct)) + (1-r)*N(ce)) + (1-a)*(r*N(bm25 title) + (1-r)*N(bm25 content))] * B * R`` with
    closeness c, min-max N over the reranked, title ratio r = 0.1, boost factor B and recency factor R.

    Parameters
    ----------
    candidates
        The union of both lists, with title scores.
    alpha
        Weight of the vectors, 0 to 1.
    keyword_base
        Whether the first phase goes by BM25 and not by closeness.
    reranked
        How many of the first phase are scored; the others are dropped.

    Returns
    -------
    Ranking
        Parts ``vector``, ``keyword``, ``boost`` and ``recency``; the factors' parts are what they change.
    """
    content, title = closeness(candidates.cosine), closeness(candidates.title_cosine)
    ratio = TITLE_RATIO
    first = candidates.title_bm25 if keyword_base else title
    second = candidates.bm25 if keyword_base else content
    order = np.argsort(-(ratio * first + (1 - ratio) * second), kind="stable")
    kept = np.zeros(len(candidates), np.bool_)
    kept[order[:reranked]] = True
    normalised = {
        "vector_title_normalised": np.maximum(content, title),
        "vector_content_normalised": content,
        "bm25_title_normalised": candidates.title_bm25,
        "bm25_content_normalised": candidates.bm25,
    }
    normalised = {name: _over(kept, values) for name, values in normalised.items()}
    of_title, of_content, title_bm25, content_bm25 = normalised.values()
    vector = alpha * (ratio * of_title + (1 - ratio) * of_content)
    keyword = (1 - alpha) * (ratio * title_bm25 + (1 - ratio) * content_bm25)
    boost, recency = boost_factor(candidates.boost), recency_factor(candidates.age)
    return Ranking(
        parts={
            "vector": vector,
            "keyword": keyword,
            "boost": (vector + keyword) * (boost - 1),
            "recency": (vector + keyword) * boost * (recency - 1),
        },
        features={
            "cosine": candidates.cosine,
            "title_cosine": candidates.title_cosine,
            "closeness": content,
            "title_closeness": title,
            "bm25_content": candidates.bm25,
            "bm25_title": candidates.title_bm25,
            **normalised,
            "boost_factor": boost,
            "recency_factor": recency,
        },
        weights={"vector": alpha, "keyword": 1 - alpha, "title": ratio, "content": 1 - ratio},
        kept=kept,
    )


def _over(kept: NDArray[np.bool_], values: Floats) -> Floats:
    """Normalise among those kept; the others get 0."""
    result = np.zeros_like(values)
    result[kept] = min_max(values[kept])
    return result

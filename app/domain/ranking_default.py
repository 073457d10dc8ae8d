"""The default profile: a linear mix of cosine and BM25, smoothed over neighbours.

Each score is divided by a normaliser that is the geometric mean of a bound known before the search and of
the spread of the first hundred that were found. The bound alone underrates collections whose scores lie
close together, the spread alone makes the best of a hopeless list a perfect match; their mean does neither,
and looks at no candidate beyond the hundredth, so that the depth of the search changes nothing
(docs/ranking.md has the comparison).

The smoothing rests on the cluster hypothesis: C. J. van Rijsbergen, "Information Retrieval", 2nd ed. 1979,
chapter 3; as score regularisation: F. Diaz, "Regularizing ad hoc retrieval scores", CIKM 2005.
"""

import numpy as np
from numpy.typing import NDArray

from app.domain.ranking import (
    UNRANKED,
    Candidates,
    Floats,
    Ints,
    QueryType,
    Ranking,
    boost_factor,
    recency_factor,
)

VECTOR_WEIGHT = 0.4
KEYWORD_QUERY_VECTOR_WEIGHT = 0.2
SPREAD_DEPTH = 100
"""How much of each list the normalisers look at."""

SMOOTHED_HEAD = 50
NEIGHBOURS = 5
SMOOTHING = 0.35

BOOST_WEIGHT = 0.3
"""Of the binary logarithm of the boost factor, which goes from -1 to 1."""

RECENCY_WEIGHT = 0.1
"""Of what is missing to a recency factor of 1, which is 0.25 at most."""

FEEDBACK_CHUNKS = 3
FEEDBACK_WEIGHT = 0.3
"""Of the mean of the first chunks by smoothed score, against the query's own embedding (docs/ranking.md)."""


def vector_weight(query_type: QueryType | None, hybrid_alpha: float | None) -> float:
    """Choose the weight of the cosine: as asked for, else by the kind of query."""
    if hybrid_alpha is not None:
        return hybrid_alpha
    return KEYWORD_QUERY_VECTOR_WEIGHT if query_type == "keyword" else VECTOR_WEIGHT


def fuse(candidates: Candidates, alpha: float, background: float, largest_bm25: float) -> Ranking:
    """Mix cosine and BM25.

    Parameters
    ----------
    candidates
        The union of both lists.
    alpha
        Weight of the cosine, 0 to 1; BM25 has the rest.
    background
        Mean cosine of unrelated pairs, below 1.
    largest_bm25
        A bound no BM25 score of the query exceeds; 0 for a query without terms.

    Returns
    -------
    Ranking
        Parts ``vector`` and ``keyword``.
    """
    room = max(1.0 - background, 1e-6)
    cosine_norm = _norm(room, _spread(candidates.cosine, candidates.vector_rank, floor=None))
    bm25_norm = _norm(largest_bm25, _spread(candidates.bm25, candidates.keyword_rank, floor=0.0))
    vector = (candidates.cosine - background) / cosine_norm
    keyword = candidates.bm25 / bm25_norm
    return Ranking(
        parts={"vector": alpha * vector, "keyword": (1.0 - alpha) * keyword},
        features={
            "cosine": candidates.cosine,
            "bm25": candidates.bm25,
            "vector_normalised": vector,
            "keyword_normalised": keyword,
        },
        weights={"vector": alpha, "keyword": 1.0 - alpha},
        kept=np.ones(len(candidates), np.bool_),
    )


def smooth(scores: Floats, head: Ints, embeddings: NDArray[np.float32]) -> Floats:
    """Pull each score of the head towards those of its nearest neighbours in the head.

    Parameters
    ----------
    scores
        Scores of all candidates, shape (n,).
    head
        Places of the best candidates, shape (h,).
    embeddings
        Their embeddings, shape (h, dimension); zero vectors have no neighbours.

    Returns
    -------
    Floats
        What is to be added to each score, shape (n,); 0 outside the head. No score of the head falls below
        the lowest of it, so that nothing from outside overtakes it.
    """
    change = np.zeros_like(scores)
    neighbours = min(NEIGHBOURS, len(head) - 1)
    if neighbours < 1:
        return change
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    unit = np.divide(embeddings, lengths, out=np.zeros_like(embeddings), where=lengths > 0)
    likeness = (unit @ unit.T).astype(np.float64)
    np.fill_diagonal(likeness, -np.inf)
    nearest = np.argsort(-likeness, axis=1, kind="stable")[:, :neighbours]
    weights = np.maximum(np.take_along_axis(likeness, nearest, axis=1), 0.0)
    totals = weights.sum(axis=1)
    own = scores[head]
    means = np.divide((weights * own[nearest]).sum(axis=1), totals, out=own.copy(), where=totals > 0)
    change[head] = SMOOTHING * (means - own)
    return change


def priors(candidates: Candidates) -> dict[str, Floats]:
    """Weigh votes and age, gently, as parts of a score: ``boost`` from -0.3 to 0.3, ``recency`` to -0.025."""
    return {
        "boost": BOOST_WEIGHT * np.log2(boost_factor(candidates.boost)),
        "recency": -RECENCY_WEIGHT * (1.0 - recency_factor(candidates.age)),
    }


def feedback(embedding: NDArray[np.float32], best: NDArray[np.float32]) -> NDArray[np.float32]:
    """Move a query embedding towards the chunks that were found first.

    Source: J. Rocchio, "Relevance feedback in information retrieval", 1971, with the first hits taken as
    relevant.

    Parameters
    ----------
    embedding
        Of the query, shape (dimension,), not zero.
    best
        Of the first chunks, shape (k, dimension).

    Returns
    -------
    NDArray[np.float32]
        Shape (dimension,), of unit length.
    """
    lengths = np.linalg.norm(best, axis=1, keepdims=True)
    unit = np.divide(best, lengths, out=np.zeros_like(best), where=lengths > 0)
    moved = embedding / np.linalg.norm(embedding)
    if len(unit):
        moved = moved + FEEDBACK_WEIGHT * unit.mean(axis=0)
    return (moved / max(float(np.linalg.norm(moved)), 1e-12)).astype(np.float32)


def _spread(values: Floats, ranks: Ints, floor: float | None) -> float:
    """Give the difference of the first and the hundredth of a list; a shorter one ends at `floor`."""
    listed = values[ranks != UNRANKED]
    if not len(listed):
        return 0.0
    best = np.sort(listed)[::-1][:SPREAD_DEPTH]
    last = best[-1] if floor is None or len(best) == SPREAD_DEPTH else floor
    return float(best[0] - last)


def _norm(bound: float, spread: float) -> float:
    """Give the geometric mean of bound and spread; without a spread the bound, without either 1."""
    if spread > 0 and bound > 0:
        return float(np.sqrt(bound * spread))
    return bound if bound > 0 else 1.0

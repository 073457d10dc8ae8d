"""BM25 in vectors: documents hold saturated term frequencies, queries inverse document frequencies.

The inner product of the two is the BM25 score, so an index that stores sparse vectors ranks exactly as BM25
does. Source: S. Robertson and H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond",
Foundations and Trends in Information Retrieval 3(4), 2009; the idf with "1 +" is Lucene's, never negative.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from app.text.hashing import TIER_EDGES, tier_tokens

K1 = 1.2
B = 0.75

# No document weight reaches this: the limit of tf * (k1 + 1) / (tf + ...) for endless repetition.
LARGEST_WEIGHT = K1 + 1

# pgvector stores at most this many non-zero elements in a sparsevec.
MAX_NONZEROS = 16_000

# Norms closer than this are the same: single precision does not tell them apart for long documents.
_SAME_NORM = 1e-3

# In float32 like the weights, so that both sides of a comparison are rounded alike.
_EDGES = np.array(TIER_EDGES, np.float32)[:, np.newaxis]


def combine(title: Mapping[int, int], content: Mapping[int, int], title_weight: int = 1) -> Counter[int]:
    """Put the terms of title and content in one bag.

    Parameters
    ----------
    title, content
        Term frequencies by term id, as `Tokeniser.terms` counts them.
    title_weight
        How often each title term counts (the simple form of BM25F); 0 leaves the title out.

    Returns
    -------
    Counter[int]
        Term frequencies of the document; its length is their total.

    Raises
    ------
    ValueError
        When the weight is negative.
    """
    if title_weight < 0:
        raise ValueError("a title cannot count less than nothing")
    bag = Counter(content)
    if title_weight:
        for term, times in title.items():
            bag[term] += times * title_weight
    return bag


def document_terms(
    counts: Mapping[int, int],
    length: int,
    average_length: float,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Weigh the terms of a document.

    Parameters
    ----------
    counts
        Term frequencies by term id, all at least 1.
    length
        Length of the document in terms: normally the total of `counts`.
    average_length
        Mean length of the documents, frozen for the life of an index.

    Returns
    -------
    indices : NDArray[np.int32]
        Term ids, ascending, shape (n,); indices of the vector. When there are more than
        ``MAX_NONZEROS`` terms the heaviest stay, and of equals those with the smaller id.
    weights : NDArray[np.float32]
        ``tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / average_length))``, shape (n,), in (0, 2.2).

    Raises
    ------
    ValueError
        When the average length is not positive.
    """
    if not average_length > 0:
        raise ValueError("the average length of documents must be positive")
    size = len(counts)
    ids = np.fromiter(counts.keys(), np.int32, size)
    frequencies = np.fromiter(counts.values(), np.float64, size)
    norm = K1 * (1 - B + B * length / average_length)
    weights = (frequencies * LARGEST_WEIGHT / (frequencies + norm)).astype(np.float32)
    order = np.argsort(ids)
    ids, weights = ids[order], weights[order]
    if size > MAX_NONZEROS:
        kept = np.sort(np.argsort(-weights, kind="stable")[:MAX_NONZEROS])
        ids, weights = ids[kept], weights[kept]
    return ids, weights


def tokens_of(indices: NDArray[np.int32], weights: NDArray[np.float32]) -> NDArray[np.int32]:
    """List what a document is found by: its terms, and the tiers that their weights reach.

    Parameters
    ----------
    indices, weights
        The result of `document_terms`, shape (n,) each.

    Returns
    -------
    NDArray[np.int32]
        Tokens, ascending: tiers are below zero, which no term is.
    """
    tiers, places = np.nonzero(weights >= _EDGES)
    return np.sort(np.concatenate([tier_tokens(indices[places], tiers), indices]))


def idf(document_frequency: ArrayLike, documents: float) -> NDArray[np.float64]:
    """Compute inverse document frequencies.

    Parameters
    ----------
    document_frequency
        In how many documents each term occurs; an estimate may exceed `documents` and is clipped.
    documents
        How many documents there are.

    Returns
    -------
    NDArray[np.float64]
        ``log(1 + (N - df + 0.5) / (df + 0.5))``, above zero, of the shape given.
    """
    total = max(float(documents), 0.0)
    df = np.clip(np.asarray(document_frequency, np.float64), 0.0, total)
    return np.log1p((total - df + 0.5) / (df + 0.5))


def query_weights(
    frequencies: Mapping[int, int],
    document_frequencies: Mapping[int, float],
    documents: float,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Weigh the terms of a query: a term asked for twice counts twice.

    Parameters
    ----------
    frequencies
        Query term frequencies by term id.
    document_frequencies
        Document frequency by term id; a missing term counts as 0.
    documents
        How many documents there are.

    Returns
    -------
    indices : NDArray[np.int32]
        Term ids, ascending, shape (n,).
    weights : NDArray[np.float32]
        Query term frequency times idf, shape (n,).
    """
    ids = sorted(frequencies)
    rarity = idf([document_frequencies.get(term, 0.0) for term in ids], documents)
    times = np.array([frequencies[term] for term in ids], np.float64)
    return np.array(ids, np.int32), (times * rarity).astype(np.float32)


def largest_score(query: NDArray[np.float32] | Sequence[float]) -> float:
    """Give the bound no document's score reaches: 2.2 times the sum of the query's weights."""
    return LARGEST_WEIGHT * float(np.sum(query, dtype=np.float64))


def saturation(frequency: float, length: float, average_length: float) -> float:
    """Give the weight of one term in one document: what `document_terms` stores, in (0, 2.2); 0 for none."""
    return frequency * LARGEST_WEIGHT / (frequency + K1 * (1 - B + B * length / average_length))


def reweigh(weights: NDArray[np.float32], length: int, average_length: float) -> NDArray[np.float32] | None:
    """Weigh a document's terms by another average length, from nothing but what is stored.

    A weight is ``tf * 2.2 / (tf + n)`` with one n for the whole document, and the frequencies add up to its
    length, so n is ``length / sum(w / (2.2 - w))``: the average length that it was weighed by need not be
    known.

    Parameters
    ----------
    weights
        As `document_terms` made them, shape (n,).
    length
        The length they were made with.
    average_length
        The one to reckon with from now on.

    Returns
    -------
    NDArray[np.float32] | None
        Shape (n,); None when they are right as they are, or when terms were cut off (``MAX_NONZEROS``), so
        that the frequencies do not add up.

    Raises
    ------
    ValueError
        When the average length is not positive.
    """
    if not average_length > 0:
        raise ValueError("the average length of documents must be positive")
    if not length or not len(weights) or len(weights) >= MAX_NONZEROS:
        return None
    odds = weights.astype(np.float64) / (LARGEST_WEIGHT - weights.astype(np.float64))
    old = length / float(odds.sum())
    new = K1 * (1 - B + B * length / average_length)
    if abs(new - old) <= _SAME_NORM * new:
        return None
    frequencies = np.maximum(np.round(odds * old), 1.0)
    return (frequencies * LARGEST_WEIGHT / (frequencies + new)).astype(np.float32)

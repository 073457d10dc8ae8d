"""The terms of many chunks at once: the numbers of `bm25`, by a few array operations for all of them."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.text.bm25 import K1, LARGEST_WEIGHT, MAX_NONZEROS, B
from app.text.hashing import TIER_EDGES, tier_tokens

TERM_BYTES = 4
_LOW_HALF = 0xFFFFFFFF
_LEAST = np.iinfo(np.int32).min


class TermsBatch(NamedTuple):
    """What `bm25.document_terms` and `bm25.tokens_of` give for each of n chunks, one after another.

    Attributes
    ----------
    lengths
        Terms of each chunk, repeated ones included, shape (n,).
    bounds
        Chunk i has the places bounds[i] to bounds[i + 1] of indices and weights, shape (n + 1,).
    indices, weights
        Term ids, ascending within a chunk, and their weights.
    token_bounds, tokens
        What each chunk is found by, ascending, in the same way.
    """

    lengths: NDArray[np.int64]
    bounds: NDArray[np.int64]
    indices: NDArray[np.int32]
    weights: NDArray[np.float32]
    token_bounds: NDArray[np.int64]
    tokens: NDArray[np.int32]


def weigh_batch(bags: Sequence[bytes], average_length: float) -> TermsBatch:
    """Weigh the terms of chunks, and list the tokens of each.

    Parameters
    ----------
    bags
        The term ids of each chunk, repeated ones included, as int32.
    average_length
        Mean length of the documents, frozen for the life of an index.

    Raises
    ------
    ValueError
        When the average length is not positive.
    """
    if not average_length > 0:
        raise ValueError("the average length of documents must be positive")
    lengths = np.fromiter(map(len, bags), np.int64, len(bags)) // TERM_BYTES
    keyed = np.frombuffer(b"".join(bags), np.int32).astype(np.int64)
    keyed |= np.repeat(np.arange(len(bags)) << 32, lengths)  # ids have 30 bits: one sort puts chunks and ids in order
    keyed.sort()
    starts = np.flatnonzero(np.diff(keyed, prepend=-1))
    frequencies = np.diff(starts, append=len(keyed)).astype(np.float64)
    chunks = keyed[starts] >> 32
    indices = (keyed[starts] & _LOW_HALF).astype(np.int32)
    norms = K1 * (1 - B + B * lengths / average_length)
    weights = (frequencies * LARGEST_WEIGHT / (frequencies + norms[chunks])).astype(np.float32)
    counts = np.bincount(chunks, minlength=len(bags))
    if counts.max(initial=0) > MAX_NONZEROS:
        kept = _heaviest(counts, weights)
        chunks, indices, weights = chunks[kept], indices[kept], weights[kept]
        counts = np.minimum(counts, MAX_NONZEROS)
    tiers, places = np.nonzero(weights >= np.array(TIER_EDGES, np.float32)[:, np.newaxis])
    unsigned = np.concatenate([indices, tier_tokens(indices[places], tiers)]).astype(np.int64) - _LEAST
    keyed = (np.concatenate([chunks, chunks[places]]) << 32) | unsigned
    keyed.sort()
    token_bounds = _bounds(np.bincount(keyed >> 32, minlength=len(bags)))
    tokens = ((keyed & _LOW_HALF) + _LEAST).astype(np.int32)
    return TermsBatch(lengths, _bounds(counts), indices, weights, token_bounds, tokens)


def _bounds(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


def _heaviest(counts: NDArray[np.int64], weights: NDArray[np.float32]) -> NDArray[np.int64]:
    """Give the places of what stays: as `bm25.document_terms`, the heaviest, and of equals the smaller ids."""
    bounds = _bounds(counts)
    runs = []
    for first, last in pairwise(bounds.tolist()):
        run = np.arange(first, last)
        if len(run) > MAX_NONZEROS:
            run = first + np.sort(np.argsort(-weights[first:last], kind="stable")[:MAX_NONZEROS])
        runs.append(run)
    return np.concatenate(runs)

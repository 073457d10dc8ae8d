"""The terms of text without blanks, many at once: numbers of pairs of neighbouring characters."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from app.text.hashing import term_id

_FEW = 40
"""Characters up to which looking bigrams up one by one is faster than in arrays."""

_SLOT_BITS = 18
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(64 - _SLOT_BITS)
_ID_BITS = np.uint64(30)
_ID_MASK = np.uint64((1 << 30) - 1)
_SIXTEEN = np.uint64(16)

# Each entry is a pair of characters (32 bits) and its number (30 bits) in one word, so that threads never see half of
# one. A pair that falls on another's slot takes its place. 2 MB; all languages share it, as no bigram is stemmed.
_entries: NDArray[np.uint64] = np.zeros(1 << _SLOT_BITS, np.uint64)

_cached_id = lru_cache(32_768)(term_id)


def bigrams_of(run: str) -> list[str]:
    """List each two neighbouring characters."""
    return [one + other for one, other in pairwise(run)]


def bigram_ids(runs: Sequence[str]) -> list[int]:
    """Give the term ids of the bigrams of runs, in order.

    Parameters
    ----------
    runs
        Of characters that `scripts.PLAIN_BIGRAMS` matches: in the basic plane, without marks, in NFKC, so that
        a bigram is its own term.
    """
    if sum(map(len, runs)) <= _FEW:
        return [_cached_id(bigram) for run in runs for bigram in bigrams_of(run)]
    codes = np.frombuffer("\0".join(runs).encode("utf-16-le"), "<u2").astype(np.uint64)
    first, second = codes[:-1], codes[1:]
    pairs = ((first << _SIXTEEN) | second)[(first != 0) & (second != 0)]
    slots = (pairs * _SPREAD) >> _SHIFT  # multiplied modulo 2^64
    found = _entries[slots]
    missed = np.flatnonzero((found >> _ID_BITS) != pairs)
    if len(missed):
        new, places = np.unique(pairs[missed], return_inverse=True)
        hashed = [term_id(chr(pair >> 16) + chr(pair & 0xFFFF)) for pair in new.tolist()]
        entries = (new << _ID_BITS) | np.array(hashed, np.uint64)
        _entries[(new * _SPREAD) >> _SHIFT] = entries
        found[missed] = entries[places]
    ids: list[int] = (found & _ID_MASK).tolist()
    return ids

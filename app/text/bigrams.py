"""The terms of text without blanks, many at once: numbers of pairs of neighbouring characters."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from app.text.hashing import pair_ids


def bigrams_of(run: str) -> list[str]:
    """List each two neighbouring characters."""
    return [one + other for one, other in pairwise(run)]


def bigram_ids(runs: Sequence[str]) -> NDArray[np.int32]:
    """Give the term ids of the bigrams of runs, in order.

    Parameters
    ----------
    runs
        Of characters that `scripts.PLAIN_BIGRAMS` matches: in the basic plane, without marks, in NFKC, so that
        a bigram is its own term.
    """
    codes = np.frombuffer("\0".join(runs).encode("utf-16-le"), "<u2")
    first, second = codes[:-1], codes[1:]
    if len(runs) > 1:
        within = (first != 0) & (second != 0)
        first, second = first[within], second[within]
    return pair_ids(first, second)

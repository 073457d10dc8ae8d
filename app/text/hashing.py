"""Stable numbers for terms: the same in every process, on every machine, for ever.

A term's number is taken from BLAKE2b, which is part of Python and spreads evenly. Pairs of characters, as text without
blanks is cut into, are numbered by arithmetic, hundreds at once: the last steps of MurmurHash3 (A. Appleby, public
domain), which map no two pairs to one value before it is brought into range. Two given terms share a
number with odds of 1 in 10^9; in a vocabulary of one million terms about 0.1 % of the terms share theirs
with another. Such a pair is scored as one term, which is harmless unless both are in the query.
"""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

# The largest dimension pgvector allows in a sparsevec; ids are its indices, which start from 1.
TERM_SPACE = 1_000_000_000

# Weights at which a document also carries a tier token of the term (largest possible weight: 2.2).
TIER_EDGES: tuple[float, ...] = (1.3, 1.5, 1.7, 1.85)

_TIERS_PER_TERM = 4
_BLAKE = blake2b(digest_size=8)
_PAIR = 2
_FIRST_PAIRED, _LAST_PAIRED = "\u0e00", "\uffff"
_MIX_1, _MIX_2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_SIXTEEN, _HALF, _SPACE = np.uint64(16), np.uint64(33), np.uint64(TERM_SPACE)
_ODD = 0x5E3779B1
_LOW_31_BITS = 0x7FFFFFFF


def term_id(term: str) -> int:
    """Give the number of a term.

    Parameters
    ----------
    term
        Any text; lone surrogates are allowed.

    Returns
    -------
    int
        1 to ``TERM_SPACE``: an index of a sparsevec, and a positive int4.
    """
    if len(term) == _PAIR and min(term) >= _FIRST_PAIRED and max(term) <= _LAST_PAIRED:
        return int(pair_ids(np.array([ord(term[0])], np.uint16), np.array([ord(term[1])], np.uint16))[0])
    state = _BLAKE.copy()  # takes half the time of a new one
    state.update(term.encode("utf-8", "surrogatepass"))
    return int.from_bytes(state.digest(), "big") % TERM_SPACE + 1


def pair_ids(first: NDArray[np.uint16], second: NDArray[np.uint16]) -> NDArray[np.int32]:
    """Give the numbers of terms of two characters each, U+0E00 to U+FFFF.

    Parameters
    ----------
    first, second
        The characters' numbers, shape (n,).

    Returns
    -------
    NDArray[np.int32]
        Shape (n,), as `term_id` gives them.
    """
    mixed = (first.astype(np.uint64) << _SIXTEEN) | second
    mixed *= _MIX_1  # modulo 2^64
    mixed ^= mixed >> _HALF
    mixed *= _MIX_2
    mixed ^= mixed >> _HALF
    numbers: NDArray[np.int32] = (mixed % _SPACE).astype(np.int32)
    numbers += 1
    return numbers


def tier_tokens(ids: NDArray[np.int32], tiers: NDArray[np.intp] | int) -> NDArray[np.int32]:
    """Give the numbers of tier tokens.

    The numbers are negative, so they never meet a term's own. Two tier tokens can share a number, which
    only adds candidates: scores come from the weights.

    Parameters
    ----------
    ids
        Term ids, shape (n,).
    tiers
        Index into ``TIER_EDGES``, one for all or one for each, shape (n,).

    Returns
    -------
    NDArray[np.int32]
        Shape (n,), all below zero.
    """
    keys = ids.astype(np.int64) * _TIERS_PER_TERM + tiers
    # An odd multiplier spreads without loss; int64 holds the product (2^32 * 2^31 < 2^63).
    spread = (keys * _ODD) & _LOW_31_BITS
    tokens: NDArray[np.int32] = (-1 - spread).astype(np.int32)
    return tokens

"""With how much care an HNSW graph is built: more where its measured recall falls short, for as long as that helps."""

from collections.abc import Sequence
from typing import NamedTuple

from app.domain.planning import TARGET_RECALL

DEAR_EF = 200
"""The ef_search a graph should reach its target by: beyond, every search costs too much."""

_CAREFUL = 400
_DENSE = 32
"""Beyond these, more ef_construction and more m cost every write, and m every search, too much."""

_HELPED = 0.5
"""The part of what was missing that more care must leave at most for the same kind of care to be tried again."""


class Attempt(NamedTuple):
    """A graph that was built, and its recall at `DEAR_EF`."""

    m: int
    ef_construction: int
    recall: float


def more_care(tried: Sequence[Attempt]) -> tuple[int, int] | None:
    """Choose what the graph is to be built with next: m and ef_construction.

    A doubled ef_construction costs building time alone, and goes first. Where it did not help, connections may be
    what is missing: m is doubled. Where that did not help either, nothing does, such as for vectors that are all as
    far from each other.

    Parameters
    ----------
    tried
        Graphs of the same chunks, in the order they were built; the last one is there now.

    Returns
    -------
    tuple of int or None
        None if the last graph does well enough, or nothing is left to try.
    """
    last = tried[-1]
    if last.recall >= TARGET_RECALL:
        return None
    helped = len(tried) == 1 or TARGET_RECALL - last.recall <= _HELPED * (TARGET_RECALL - tried[-2].recall)
    denser = len(tried) > 1 and last.m > tried[-2].m
    if helped and 2 * last.ef_construction <= _CAREFUL:
        return last.m, 2 * last.ef_construction
    if not denser and 2 * last.m <= _DENSE:
        return 2 * last.m, last.ef_construction
    return None

"""What the planner is asked, what it asks, and what it answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from app.domain.planning import Sample
from app.domain.search import Search
from app.domain.vectors import Vector

Rows = Sequence[Mapping[str, Any]]


class NearestReader(Protocol):
    """Statements of one index under one filter; rows carry the columns of sql/fragments/nearest_keys.sql."""

    async def nearest_ann(self, embedding: Vector, limit: int, candidate_limit: int, ef_search: int) -> Rows:
        """Take the head of the graph, and of it what passes."""

    async def nearest_bit_ann(
        self, embedding: Vector, limit: int, candidate_limit: int, rerank_limit: int, ef_search: int
    ) -> Rows:
        """Take the head of the bit-quantised graph, reranked, and of it what passes."""

    async def nearest_exact(self, embedding: Vector, limit: int) -> Rows:
        """Measure all that passes."""

    async def nearest_coarse(self, embedding: Vector, limit: int, segment_limit: int) -> Rows:
        """Measure the chunks of the nearest segments."""

    async def sample(self) -> Sample:
        """Look at a sample of documents."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: how many, how well (None: as well as usual), and under what kind of filter.

    ``open``: there is none. ``indexed``: an index leads to what passes.
    """

    embedding: Vector
    limit: int
    open: bool
    exact: bool = False
    min_recall: float | None = None
    indexed: bool = False


def wanted_by(search: Search, embedding: Vector, limit: int) -> Wanted:
    """Say what a search looks for, near an embedding and so many of it."""
    filters = search.filters
    is_open = filters.is_open
    indexed = not is_open and filters.is_indexed
    return Wanted(embedding, limit, is_open, search.exact, search.min_recall, indexed=indexed)


@dataclass(slots=True)
class Nearest:
    """What was found, and how.

    ``exact``: no other chunk is nearer. ``complete``: fewer rows than the limit mean that no more match. ``explained``
    tells what the planner knew to whoever asks.
    """

    rows: Rows
    strategy: str
    exact: bool = False
    complete: bool = True
    explained: Callable[[], dict[str, Any]] = dict

"""A search and its answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from app.domain.filters import Filters
from app.domain.vectors import Vector

Mode = Literal["semantic", "keyword", "hybrid", "random"]


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for. Mode None is chosen by what is given."""

    filters: Filters
    query: str | None = None
    embedding: Vector | None = None
    mode: Mode | None = None
    limit: int = 10
    exact: bool = False
    min_score: float | None = None


@dataclass(slots=True)
class Hit:
    """A chunk that was found; row holds the columns of sql/fragments/hit_columns.sql."""

    row: Mapping[str, Any]
    score: float
    features: dict[str, float] = field(default_factory=dict)
    highlights: Sequence[str] = ()


@dataclass(slots=True)
class Answer:
    """What a search found, and how.

    ``exact``: no chunk outside the hits would rank above them. ``complete``: the hits are fewer than the
    limit only because no more match.
    """

    hits: list[Hit]
    mode: Mode
    strategy: str
    exact: bool
    complete: bool
    degraded: tuple[str, ...] = ()

"""A search and its answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from unicodedata import normalize

from app.domain.filters import PermittedFilters
from app.domain.ranking import QueryType, RankProfile
from app.domain.vectors import Vector

Mode = Literal["semantic", "keyword", "hybrid", "random"]

CANDIDATE_LIMIT = 200
"""Candidates from each list of a hybrid search, unless the request or the profile says otherwise."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for. Mode None is chosen by what is given, the rank profile None is the index's."""

    filters: PermittedFilters
    query: str | None = None
    embedding: Vector | None = None
    mode: Mode | None = None
    limit: int = 10
    exact: bool = False
    min_recall: float | None = None
    min_score: float | None = None
    rank_profile: RankProfile | None = None
    query_type: QueryType | None = None
    hybrid_alpha: float | None = None
    candidate_limit: int | None = None
    feedback: bool = False
    smoothing: bool = True
    highlight: bool = True
    explain: bool = False
    timeout: float | None = None
    """Seconds until the answer is of no use."""


@dataclass(slots=True)
class Hit:
    """A chunk that was found; row holds the columns of sql/fragments/hit_columns.sql."""

    row: Mapping[str, Any]
    score: float
    features: dict[str, float] = field(default_factory=dict)
    highlights: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Expansion:
    """Words of the index that stand for what was typed: a prefix, or a word the index does not know."""

    kind: Literal["prefix", "typo"]
    typed: str
    words: tuple[str, ...]


@dataclass(slots=True)
class Answer:
    """What a search found, and how.

    ``exact``: no chunk outside the hits would rank above them. ``complete``: the hits are fewer than the
    limit only because no more match. ``phases``: on request, the seconds of each statement by name, and of
    the embeddings endpoint. ``plan``: on request, what the planner knew and did.
    """

    hits: list[Hit]
    mode: Mode
    strategy: str
    exact: bool
    complete: bool
    degraded: tuple[str, ...] = ()
    rank_profile: RankProfile | None = None
    expansions: tuple[Expansion, ...] = ()
    phases: Mapping[str, float] | None = None
    plan: Mapping[str, Any] | None = None


def readable_expansions(answer: Answer) -> tuple[Expansion, ...]:
    """Leave only those words of expansions that the hits hold.

    The others come from the whole index: who searches under an access list may not be meant to know that they occur.
    """
    if not answer.expansions:  # to spell the texts of ten hits anew takes as long as all else that is done for them
        return ()
    texts = [casefolded(f"{hit.row['title'] or ''}\n{hit.row['content']}") for hit in answer.hits]
    kept = (
        replace(each, words=tuple(word for word in each.words if any(casefolded(word) in text for text in texts)))
        for each in answer.expansions
    )
    return tuple(each for each in kept if each.words)


def casefolded(text: str) -> str:
    """Spell a text as it is compared, whatever its case and form."""
    return normalize("NFKC", text).casefold()

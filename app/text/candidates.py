"""Choose which documents a keyword query looks at, within a budget, and bound what it may miss.

Rare terms are taken with all their documents. Of common ones only a tier is taken, the documents where the
term weighs most; when that is not enough, documents that hold several terms together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from math import inf

import numpy as np
from numpy.typing import NDArray

from app.text.bm25 import LARGEST_WEIGHT
from app.text.hashing import TIER_EDGES, tier_tokens

# What full lists may take of the budget; the rest is for tiers.
_FULL_LISTS_SHARE = 0.7
# Several mid-weight terms together beat any one heavy term, which tiers do not see: of so many of the rarest terms
# that are not taken in full, any two are asked for together, or three where two would find too much.
_GROUPED_TERMS = 5
_GROUP_SHARE = 0.25
MAX_GROUPS = 6
"""Sets of terms in a plan, at most: as many as the statement keyword_candidates takes."""

# Meeting lists is not free: so many entries of the shortest are read in the time in which a document is scored.
_POSTINGS_PER_DOCUMENT = 30


@dataclass(frozen=True, slots=True)
class TermStatistics:
    """What is known of one query term.

    Attributes
    ----------
    id
        Term id.
    weight
        Weight in the query: query term frequency times idf.
    df
        In how many documents it occurs.
    tier_dfs
        In how many documents its weight reaches each edge of ``TIER_EDGES``; falling.
    """

    id: int
    weight: float
    df: float
    tier_dfs: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class CandidatePlan:
    """Which documents to score.

    Attributes
    ----------
    any_terms
        Tokens of which a candidate holds at least one, shape (n,), int32.
    all_terms
        Alternatives: sets of tokens of which a candidate holds all, int32 each.
    covered
        Ids of terms all of whose documents are candidates.
    unseen_bound
        No document outside the candidates scores above this. When it is not above the k-th score found,
        the first k are exact.
    expected
        Estimated number of candidates, counting a document once for each token it has.
    """

    any_terms: NDArray[np.int32]
    all_terms: tuple[NDArray[np.int32], ...]
    covered: frozenset[int]
    unseen_bound: float
    expected: float


@dataclass(frozen=True, slots=True)
class _Choice:
    """How one term is looked up: in full, by a tier, or (token None) not at all."""

    term: TermStatistics
    token: int | None
    size: float
    edge: float

    @property
    def bound(self) -> float:
        """What the term can still add to a document that this choice does not find."""
        return max(self.term.weight, 0.0) * self.edge


def choose_candidates(terms: Sequence[TermStatistics], budget: int, documents: float) -> CandidatePlan:
    """Choose candidates for a query.

    Full lists from the rarest on while they fit in 0.7 of the budget; for each other term the widest tier
    that fits its share of the rest; and documents that hold two or three of the 5 rarest other terms together.

    Parameters
    ----------
    terms
        Distinct terms; those without documents count as covered.
    budget
        How many documents may be scored. It guides and does not bind: a query always gets a candidate if
        one of its terms has a document.
    documents
        How many documents there are, to estimate how often terms meet.

    Returns
    -------
    CandidatePlan
        Empty for an empty query.
    """
    by_rarity = sorted(terms, key=lambda term: (term.df, term.id))
    full, rest = _full_lists(by_rarity, _FULL_LISTS_SHARE * budget)
    tiers = _tiers(rest, budget - sum(choice.size for choice in full))
    together = _conjunctions(rest, budget, documents, needed=not _any_found(full))
    if rest and not _any_found(full) and all(choice.token is None for choice in tiers):
        tiers[0] = _least(rest[0], whole=not together)
    chosen = [*full, *tiers]
    tokens = [choice.token for choice in chosen if choice.token is not None]
    return CandidatePlan(
        any_terms=np.array(tokens, np.int32),
        all_terms=tuple(np.array([term.id for term in group], np.int32) for group in together),
        covered=frozenset(choice.term.id for choice in chosen if choice.edge == 0),
        unseen_bound=_unseen_bound(tiers, together),
        expected=sum(choice.size for choice in chosen)
        + sum(_expected_together(group, documents) for group in together),
    )


def _full_lists(
    by_rarity: Sequence[TermStatistics],
    room: float,
) -> tuple[list[_Choice], list[TermStatistics]]:
    """Take whole terms while they fit; give the rest."""
    full: list[_Choice] = []
    for place, term in enumerate(by_rarity):
        room -= term.df
        if room < 0:
            return full, list(by_rarity[place:])
        full.append(_Choice(term, token=term.id, size=term.df, edge=0.0))
    return full, []


def _tiers(rest: Sequence[TermStatistics], room: float) -> list[_Choice]:
    """Give each term the widest tier within its share; what one leaves, the next ones have."""
    choices = []
    for place, term in enumerate(rest):
        share = room / (len(rest) - place)
        choice = next((option for option in _options(term) if option.size <= share), _nothing(term))
        room -= choice.size
        choices.append(choice)
    return choices


def _options(term: TermStatistics) -> list[_Choice]:
    """List the tiers of a term that have documents, the widest first."""
    ids = np.array([term.id], np.int32)
    return [
        _Choice(term, token=int(tier_tokens(ids, tier)[0]), size=df, edge=TIER_EDGES[tier])
        for tier, df in enumerate(term.tier_dfs)
        if df > 0
    ]


def _nothing(term: TermStatistics) -> _Choice:
    return _Choice(term, token=None, size=0.0, edge=LARGEST_WEIGHT)


def _least(term: TermStatistics, *, whole: bool) -> _Choice:
    """Exceed the budget by the narrowest tier, or if need be the whole term, rather than find nothing."""
    last = _Choice(term, token=term.id, size=term.df, edge=0.0) if whole else _nothing(term)
    return next(reversed(_options(term)), last)


def _any_found(choices: Sequence[_Choice]) -> bool:
    return any(choice.size > 0 for choice in choices)


def _conjunctions(
    rest: Sequence[TermStatistics], budget: int, documents: float, *, needed: bool
) -> list[tuple[TermStatistics, ...]]:
    """Choose sets of terms whose common documents become candidates; if need be, where too much fits, all terms."""
    rarest = rest[:_GROUPED_TERMS]
    groups: list[tuple[TermStatistics, ...]] = []
    room = float(budget)
    for group in chain.from_iterable(combinations(rarest, size) for size in range(2, len(rarest) + 1)):
        effort = group[0].df / _POSTINGS_PER_DOCUMENT
        known = any(set(smaller) <= set(group) for smaller in groups)
        few = _expected_together(group, documents) <= _GROUP_SHARE * budget
        if few and not known and effort <= room and len(groups) < MAX_GROUPS:
            groups.append(group)
            room -= effort
    if needed and not groups and len(rarest) > 1:
        groups.append(tuple(rarest))
    return groups


def _expected_together(terms: Sequence[TermStatistics], documents: float) -> float:
    """Estimate how many documents hold all terms, as if they were independent."""
    expected = inf
    for term in terms:
        expected = term.df if expected == inf else expected * term.df / max(documents, 1.0)
    return expected


def _unseen_bound(tiers: Sequence[_Choice], together: Sequence[tuple[TermStatistics, ...]]) -> float:
    """Bound the score of a document that no choice finds: of every set of terms it lacks one."""
    bounds = {choice.term.id: choice.bound for choice in tiers}
    return sum(bounds.values()) - _least_lacking([[term.id for term in group] for group in together], bounds)


def _least_lacking(groups: Sequence[Sequence[int]], bounds: Mapping[int, float]) -> float:
    """Give the least that is lost by lacking a term of every group."""
    if not groups:
        return 0.0
    return min(
        bounds[term] + _least_lacking([group for group in groups[1:] if term not in group], bounds)
        for term in groups[0]
    )

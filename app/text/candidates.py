"""Choose which documents a keyword query looks at, within a budget, and bound what it may miss.

Rare terms are taken with all their documents. Of common ones only a tier is taken, the documents where the
term weighs most; when that is not enough, documents that hold several terms together. A long question of common
words has too many sets of them: there any two of the rarest are asked for, and one out of each part of the query.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, combinations, repeat
from math import prod
from typing import NamedTuple

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
# Of more terms than that, any two of as many as find that share; and one of each part, in parts as few as do not
# find more than the budget: most recall for the same cost at 200,000 and 1,000,000 documents (docs/ranking.md).
MAX_GROUPS = 6
"""Sets of terms in a plan, at most: as many as the statement keyword_candidates takes."""
MAX_PARTS = 5
"""Parts of a query, at most: as many as that statement takes."""

# Meeting lists is not free: so many entries of the shortest are read in the time in which a document is scored.
_POSTINGS_PER_DOCUMENT = 30
# The parts are read once, all of their lists. So many entries take some milliseconds, for so many terms; more terms
# are read within half of that.
_PARTED_POSTINGS = 300_000
_PARTED_TERMS = 8


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


class Together(NamedTuple):
    """Tokens that meet: a candidate holds every one of the first, and some of the second; int32 both."""

    every: NDArray[np.int32]
    some: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class CandidatePlan:
    """Which documents to score.

    Attributes
    ----------
    any_terms
        Tokens of which a candidate holds at least one, shape (n,), int32.
    together
        Tokens that meet, at most `MAX_GROUPS`; a candidate need hold to one only.
    parts
        Instead, a candidate may hold a token of each of these, int32; at most `MAX_PARTS`, none if empty.
    unseen_bound
        No document outside the candidates scores above this. When it is not above the k-th score found,
        the first k are exact.
    """

    any_terms: NDArray[np.int32]
    together: tuple[Together, ...]
    parts: tuple[NDArray[np.int32], ...]
    unseen_bound: float


_Condition = tuple[tuple[TermStatistics, ...], ...]
"""Terms of which a candidate holds one of each group."""


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
    that fits its share of the rest; and documents that hold two or three of the 5 rarest other terms together, or
    where there are more, any two of the rarest or one of each part of the query.

    Parameters
    ----------
    terms
        Distinct terms, also such as have no documents.
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
    meetings, parts = _meetings(rest, budget, documents, needed=not _any_found(full))
    conditions = [*meetings, parts] if parts else meetings
    if rest and not _any_found(full) and all(choice.token is None for choice in tiers):
        tiers[0] = _least(rest[0], whole=not conditions)
    chosen = [*full, *tiers]
    tokens = [choice.token for choice in chosen if choice.token is not None]
    return CandidatePlan(
        any_terms=np.array(tokens, np.int32),
        together=tuple(_together(meeting) for meeting in meetings),
        parts=tuple(_ids(part) for part in parts),
        unseen_bound=_unseen_bound(tiers, conditions),
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
        widest = next((tier for tier, df in enumerate(term.tier_dfs) if 0 < df <= share), None)
        choice = _nothing(term) if widest is None else _tier(term, widest)
        room -= choice.size
        choices.append(choice)
    return choices


def _tier(term: TermStatistics, tier: int) -> _Choice:
    token = int(tier_tokens(np.array([term.id], np.int32), tier)[0])
    return _Choice(term, token=token, size=term.tier_dfs[tier], edge=TIER_EDGES[tier])


def _nothing(term: TermStatistics) -> _Choice:
    return _Choice(term, token=None, size=0.0, edge=LARGEST_WEIGHT)


def _least(term: TermStatistics, *, whole: bool) -> _Choice:
    """Exceed the budget by the narrowest tier, or if need be the whole term, rather than find nothing."""
    tiers = [tier for tier, df in enumerate(term.tier_dfs) if df > 0]
    if tiers:
        return _tier(term, tiers[-1])
    return _Choice(term, token=term.id, size=term.df, edge=0.0) if whole else _nothing(term)


def _any_found(choices: Sequence[_Choice]) -> bool:
    return any(choice.size > 0 for choice in choices)


def _meetings(
    rest: Sequence[TermStatistics], budget: int, documents: float, *, needed: bool
) -> tuple[list[_Condition], _Condition]:
    """Choose which terms together make a candidate, and parts of which it has one each, or no parts."""
    if len(rest) > _GROUPED_TERMS:
        pairs = _any_two(rest[: MAX_GROUPS + 1], _GROUP_SHARE * budget, documents)
        parts = _parts(_readable(rest), budget, documents, paired=len(pairs) + 1)
        if pairs or parts:
            return pairs, parts
    return _sets(rest[:_GROUPED_TERMS], budget, documents, needed=needed), ()


def _parts(read: Sequence[TermStatistics], budget: int, documents: float, *, paired: int) -> _Condition:
    """Deal terms out to parts, in as few as do not find too much; to none where any two are asked for anyway."""
    if len(read) <= paired:
        return ()
    for number in range(2, min(MAX_PARTS, len(read)) + 1):
        parts = tuple(tuple(read[place::number]) for place in range(number))
        if _expected(parts, documents) <= budget:
            return parts
    return ()


def _readable(rest: Sequence[TermStatistics]) -> list[TermStatistics]:
    """Take the rarest terms as long as their lists are read in reasonable time."""
    lengths = accumulate(term.df for term in rest)
    limits = chain(repeat(_PARTED_POSTINGS, _PARTED_TERMS), repeat(_PARTED_POSTINGS / 2))
    return [term for term, length, limit in zip(rest, lengths, limits, strict=False) if length <= limit]


def _sets(rarest: Sequence[TermStatistics], budget: int, documents: float, *, needed: bool) -> list[_Condition]:
    """Choose sets of terms whose common documents become candidates; if need be, where too much fits, all terms."""
    sets: list[tuple[TermStatistics, ...]] = []
    room = float(budget)
    for group in chain.from_iterable(combinations(rarest, size) for size in range(2, len(rarest) + 1)):
        effort = group[0].df / _POSTINGS_PER_DOCUMENT
        known = any(set(smaller) <= set(group) for smaller in sets)
        few = _expected(_each(group), documents) <= _GROUP_SHARE * budget
        if few and not known and effort <= room and len(sets) < MAX_GROUPS:
            sets.append(group)
            room -= effort
    if needed and not sets and len(rarest) > 1:
        sets.append(tuple(rarest))
    return [_each(group) for group in sets]


def _any_two(rarest: Sequence[TermStatistics], room: float, documents: float) -> list[_Condition]:
    """Ask for any two of the rarest terms, of as many as do not find more than there is room for."""
    rarer, paired = 0.0, 0
    for term in rarest:
        room -= rarer * term.df / max(documents, 1.0)
        if room < 0:
            break
        rarer += term.df
        paired += 1
    return [((rarest[place],), tuple(rarest[place + 1 : paired])) for place in range(paired - 1)]


def _each(group: Sequence[TermStatistics]) -> _Condition:
    return tuple((term,) for term in group)


def _together(condition: _Condition) -> Together:
    return Together(_ids([term for (term,) in condition[:-1]]), _ids(condition[-1]))


def _ids(terms: Sequence[TermStatistics]) -> NDArray[np.int32]:
    return np.array([term.id for term in terms], np.int32)


def _expected(condition: _Condition, documents: float) -> float:
    """Estimate how many documents meet a condition, as if terms were independent."""
    within = max(documents, 1.0)
    return within * prod(1 - prod(1 - min(term.df / within, 1.0) for term in group) for group in condition)


def _unseen_bound(tiers: Sequence[_Choice], conditions: Sequence[_Condition]) -> float:
    """Bound the score of a document that no choice finds: of every condition it lacks a group."""
    bounds = {choice.term.id: choice.bound for choice in tiers}
    groups = [[frozenset(term.id for term in group) for group in condition] for condition in conditions]
    return sum(bounds.values()) - _least_lacking(groups, bounds, frozenset())


def _least_lacking(
    conditions: Sequence[Sequence[frozenset[int]]], bounds: Mapping[int, float], lacking: frozenset[int]
) -> float:
    """Give the least that is lost by lacking a group of every condition, beyond what is lacking already."""
    if not conditions:
        return 0.0
    first, *others = conditions
    if any(group <= lacking for group in first):
        return _least_lacking(others, bounds, lacking)
    return min(
        sum(bounds[term] for term in group - lacking) + _least_lacking(others, bounds, lacking | group)
        for group in first
    )

"""What ranking looks at, and what it gives: pure arithmetic on arrays, one row per candidate.

The profiles are in `ranking_default` (ours), `ranking_vespa`, `ranking_opensearch` and `ranking_rrf`.
Whatever the profile, the parts of a score add up to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

RankProfile = Literal["default", "vespa", "opensearch", "rrf"]
RANK_PROFILES: tuple[RankProfile, ...] = get_args(RankProfile)

QueryType = Literal["keyword", "semantic"]
"""Onyx's two kinds of query: search words, or a question."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

UNRANKED = -1
"""The rank, in a list, of a candidate that came from the other one."""

UNDATED_AGE = 7_890_000 / 31_536_000
"""Age, in years, of a document without a date: 3 months, as in Vespa's schema for Onyx."""

DECAY = 0.5
"""How fast documents age: the factor is 1 / (1 + DECAY * years) (Onyx's DOC_TIME_DECAY)."""

OLDEST = 0.75
"""No document's recency factor is below this."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The union of the two lists, every score computed for every candidate; all of shape (n,).

    Attributes
    ----------
    cosine
        Of chunk and query embedding, -1 to 1; 0 where a vector is zero.
    bm25
        Of title and content together, 0 if no term matches.
    vector_rank, keyword_rank
        Place in each list from 0, or `UNRANKED`.
    boost
        Votes of users.
    age
        Years since the last update, not negative; `UNDATED_AGE` for undated documents.
    title_cosine
        Of title and query embedding, NaN without a title embedding or where the profile has no use for it.
    title_bm25
        Of the title alone; 0 where the profile has no use for it.
    title_phrase, content_phrase
        BM25 of the whole query as a phrase with slop 1; 0 where the profile has no use for it.
    """

    cosine: Floats
    bm25: Floats
    vector_rank: Ints
    keyword_rank: Ints
    boost: Ints
    age: Floats
    title_cosine: Floats
    title_bm25: Floats
    title_phrase: Floats
    content_phrase: Floats

    def __len__(self) -> int:
        return len(self.cosine)


@dataclass(frozen=True, slots=True)
class Ranking:
    """Scores of candidates.

    Attributes
    ----------
    parts
        What adds up to the score, by name, each of shape (n,).
    features
        What the parts were made from, by name, each of shape (n,).
    weights
        What the features were weighed with, by name.
    kept
        Which candidates take part, shape (n,) of bool: a profile may cut.
    """

    parts: Mapping[str, Floats]
    features: Mapping[str, Floats]
    weights: Mapping[str, float]
    kept: NDArray[np.bool_]

    @property
    def scores(self) -> Floats:
        """The sum of the parts, shape (n,)."""
        total: Floats = np.sum(np.stack(list(self.parts.values())), axis=0)
        return total


def boost_factor(boost: Ints) -> Floats:
    """Turn votes into a factor from 0.5 to 2, 1 for none (Vespa's schema for Onyx, contract 4.1).

    Parameters
    ----------
    boost
        Votes, shape (n,).

    Returns
    -------
    Floats
        ``0.5 + 1 / (1 + exp(-b / 3))`` below zero, else ``2 / (1 + exp(-b / 3))``; shape (n,).
    """
    logistic = 1.0 / (1.0 + np.exp(-np.clip(boost, -2000, 2000) / 3.0))
    return np.where(boost < 0, 0.5 + logistic, 2.0 * logistic)


def recency_factor(age: Floats, decay: float = DECAY) -> Floats:
    """Turn ages in years into a factor from `OLDEST` to 1; shape (n,) as given."""
    return np.maximum(1.0 / (1.0 + decay * age), OLDEST)


def rank_order(scores: Floats, document_ids: Sequence[str], chunk_indexes: Sequence[int]) -> Ints:
    """Order candidates: best first, ties by document id and chunk index.

    Scores are compared at 12 significant digits of the best one: sums of the same terms in another order
    differ in the last bits, and must not break a tie.
    """
    unit = max(float(np.max(np.abs(scores), initial=0.0)), 1e-300) * 1e-12
    levels = np.round(scores / unit)
    places = sorted(range(len(scores)), key=lambda place: (-levels[place], document_ids[place], chunk_indexes[place]))
    return np.array(places, np.int64)


def list_ranks(candidates: Candidates) -> dict[str, Floats]:
    """Show from which lists candidates came: their place in each from 1, NaN where they are not in it."""
    ranks = {"vector_rank": candidates.vector_rank, "keyword_rank": candidates.keyword_rank}
    return {name: np.where(places == UNRANKED, np.nan, places + 1.0) for name, places in ranks.items()}


def min_max(values: Floats) -> Floats:
    """Scale linearly to 0…1; equal values all become 0 (as Vespa's normalize_linear does)."""
    if not len(values):
        return values
    low, high = float(values.min()), float(values.max())
    return (values - low) / (high - low) if high > low else np.zeros_like(values)

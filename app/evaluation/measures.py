"""Measures of rankings, by ir_measures (which runs trec_eval's code), and intervals by paired bootstrap."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ir_measures
import numpy as np
from numpy.typing import NDArray

from app.evaluation.searches import Run

Values = Mapping[str, NDArray[np.float64]]
"""By measure: one value for each judged query, in a fixed order."""

NDCG = "nDCG@10"
MEASURES = {NDCG: ir_measures.nDCG @ 10, "recall@100": ir_measures.R @ 100, "MRR": ir_measures.RR}

_RESAMPLES = 10_000
_SEED = 20_240_601


@dataclass(frozen=True, slots=True)
class Interval:
    """A difference with the limits between which 95 % of the resampled differences lie."""

    difference: float
    low: float
    high: float


def measure(run: Run, judgements: Mapping[str, Mapping[str, int]]) -> Values:
    """Measure a run; gains are linear, and queries without any hit count 0.

    Parameters
    ----------
    run
        Document ids by query, best first.
    judgements
        Grades by query and document; queries with nothing relevant are left out.

    Returns
    -------
    Values
        In the order of the judgements.
    """
    judged = {query: dict(grades) for query, grades in judgements.items() if any(g > 0 for g in grades.values())}
    # Scores that fall with the rank: trec_eval would order ties by document id.
    scored = {query: {document: -float(rank) for rank, document in enumerate(run.get(query, ()))} for query in judged}
    places = {query: place for place, query in enumerate(judged)}
    values = {name: np.zeros(len(judged)) for name in MEASURES}
    names = {measure: name for name, measure in MEASURES.items()}
    for item in ir_measures.iter_calc(list(MEASURES.values()), judged, scored):
        values[names[item.measure]][places[item.query_id]] = item.value
    return values


def compare(ours: Sequence[NDArray[np.float64]], theirs: Sequence[NDArray[np.float64]], *, relative: bool) -> Interval:
    """Compare the mean over collections of the mean over queries; queries are resampled in pairs.

    Parameters
    ----------
    ours, theirs
        One array for each collection, with the same queries in the same order.
    relative
        As a share of theirs, instead of absolutely.
    """
    chance = np.random.default_rng(_SEED)
    draws = [chance.integers(0, len(one), (_RESAMPLES, len(one))) for one in ours]
    means = [
        np.mean([values[draw].mean(axis=1) for values, draw in zip(side, draws, strict=True)], axis=0)
        for side in (ours, theirs)
    ]
    points = [float(np.mean([values.mean() for values in side])) for side in (ours, theirs)]
    differences = means[0] - means[1]
    difference = points[0] - points[1]
    if relative:
        differences, difference = differences / means[1], difference / points[1] if points[1] else 0.0
    low, high = np.percentile(differences, [2.5, 97.5])
    return Interval(difference, float(low), float(high))

"""The measures against values worked out by hand, and the intervals against what they must hold."""

import math

import numpy as np
import pytest

from app.evaluation.measures import NDCG, compare, measure


def test_measures_are_those_of_trec_eval() -> None:
    judgements = {"q1": {"a": 1, "b": 2, "c": 0}, "q2": {"x": 1}, "q3": {"y": 0}}
    values = measure({"q1": ["c", "a", "z", "b"], "q2": []}, judgements)
    # Linear gains: a at rank 2 and b at rank 4, against b at rank 1 and a at rank 2.
    found = 1 / math.log2(3) + 2 / math.log2(5)
    ideal = 2 / math.log2(2) + 1 / math.log2(3)
    assert values[NDCG].tolist() == pytest.approx([found / ideal, 0.0])
    assert values["recall@100"].tolist() == pytest.approx([1.0, 0.0])
    assert values["MRR"].tolist() == pytest.approx([0.5, 0.0])


def test_the_order_of_a_run_is_kept() -> None:
    judgements = {"q": {"a": 1}}
    names = [f"d{n}" for n in range(8)]
    for place in range(8):
        run = [*names[:place], "a", *names[place:]]
        assert measure({"q": run}, judgements)["MRR"][0] == pytest.approx(1 / (place + 1))


def test_an_interval_holds_the_difference() -> None:
    chance = np.random.default_rng(0)
    theirs = chance.uniform(0.2, 0.8, 300)
    better = compare([theirs + 0.05], [theirs], relative=False)
    assert better.difference == pytest.approx(0.05)
    assert (better.low, better.high) == pytest.approx((0.05, 0.05))
    same = compare([theirs], [chance.permutation(theirs)], relative=True)
    assert same.low < 0 < same.high
    assert same.difference == pytest.approx(0.0, abs=1e-12)

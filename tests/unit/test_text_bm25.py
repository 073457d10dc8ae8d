"""BM25 weights and the choice of candidates, against plain computations."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.text import bm25
from app.text.candidates import CandidatePlan, TermStatistics, choose_candidates
from app.text.hashing import TIER_EDGES, tier_tokens

COUNTS = st.dictionaries(st.integers(0, 999_999_999), st.integers(1, 50), max_size=30)


@given(COUNTS, st.floats(1, 1000))
@settings(max_examples=40, deadline=None)
def test_document_weights_are_those_of_the_formula(counts: dict[int, int], average: float) -> None:
    length = sum(counts.values())
    indices, weights = bm25.document_terms(counts, length, average)
    assert (indices.dtype, weights.dtype) == (np.dtype(np.int32), np.dtype(np.float32))
    assert indices.tolist() == sorted(counts)
    expected = [counts[i] * 2.2 / (counts[i] + 1.2 * (0.25 + 0.75 * length / average)) for i in sorted(counts)]
    assert weights.tolist() == pytest.approx(expected, rel=1e-6)


def test_the_inner_product_is_the_bm25_of_the_textbook() -> None:
    indices, weights = bm25.document_terms({1: 3, 2: 1}, 4, 8.0)
    terms, query = bm25.query_weights({1: 2, 9: 1}, {1: 5, 9: 0}, 100)
    score = sum(
        w * q for i, w in zip(indices, weights, strict=True) for t, q in zip(terms, query, strict=True) if i == t
    )
    idf = math.log(1 + (100 - 5 + 0.5) / (5 + 0.5))
    assert score == pytest.approx(2 * idf * 3 * 2.2 / (3 + 1.2 * (0.25 + 0.75 * 0.5)), rel=1e-6)
    assert score < bm25.largest_score(query)


def test_a_document_keeps_its_heaviest_terms_when_it_has_too_many() -> None:
    counts = {term: 2 if term % 2 else 1 for term in range(bm25.MAX_NONZEROS * 2)}
    indices, weights = bm25.document_terms(counts, 1000, 1000.0)
    assert len(indices) == bm25.MAX_NONZEROS
    assert set((indices % 2).tolist()) == {1}
    assert len(set(weights.tolist())) == 1


def test_an_average_length_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        bm25.document_terms({1: 1}, 1, 0.0)


def test_title_terms_count_as_often_as_they_are_told_to() -> None:
    assert bm25.combine({1: 1, 2: 1}, {2: 3}) == {1: 1, 2: 4}
    assert bm25.combine({1: 1}, {2: 3}, title_weight=2) == {1: 2, 2: 3}
    assert bm25.combine({1: 1}, {2: 3}, title_weight=0) == {2: 3}


def test_a_document_is_listed_under_its_terms_and_the_tiers_that_they_reach() -> None:
    indices = np.array([7, 8], np.int32)
    tokens = bm25.tokens_of(indices, np.array([1.2, 1.5], np.float32))
    reached = [int(tier_tokens(indices[1:], tier)[0]) for tier in (0, 1)]
    assert tokens.dtype == np.int32
    assert tokens.tolist() == [*sorted(reached), 7, 8]


def test_the_numbers_of_tiers_never_change_and_never_meet_terms() -> None:
    ids = np.array([0, 1, 999_999_999], np.int32)
    assert [tier_tokens(ids, tier).tolist() for tier in range(len(TIER_EDGES))] == [
        [-1, -2027808453, -488685885],
        [-1580693938, -1461018742, -2069379822],
        [-1013904227, -894229031, -1502590111],
        [-447114516, -327439320, -935800400],
    ]


def test_idf_is_never_negative_even_for_estimates_beyond_the_number_of_documents() -> None:
    assert (bm25.idf([0, 5, 10, 50], 10) > 0).all()


def term(number: int, df: float, tiers: tuple[float, ...] = (0, 0, 0, 0), weight: float = 1.0) -> TermStatistics:
    return TermStatistics(number, weight, df, tiers)


def test_an_empty_query_has_no_candidates_and_misses_nothing() -> None:
    plan = choose_candidates([], 5000, 1000)
    assert (plan.any_terms.tolist(), plan.together, plan.parts, plan.unseen_bound) == ([], (), (), 0)


def test_terms_that_fit_are_taken_in_full_and_the_answer_is_exact() -> None:
    plan = choose_candidates([term(1, 100), term(2, 200)], 1000, 10_000)
    assert (plan.any_terms.tolist(), plan.unseen_bound) == ([1, 2], 0.0)


def test_a_common_term_is_taken_by_the_widest_tier_that_fits_its_share() -> None:
    plan = choose_candidates([term(1, 100), term(2, 5000, (2000, 800, 300, 100), 2.0)], 1000, 10_000)
    assert plan.any_terms.tolist() == [1, int(tier_tokens(np.array([2], np.int32), 1)[0])]
    assert plan.unseen_bound == pytest.approx(2.0 * TIER_EDGES[1])


def groups_of(plan: CandidatePlan) -> set[tuple[int, ...]]:
    return {tuple(sorted([*every.tolist(), *some.tolist()])) for every, some in plan.together}


def test_common_terms_are_asked_for_together_in_pairs_that_are_rare_enough() -> None:
    plan = choose_candidates([term(1, 9000), term(2, 8000), term(3, 90_000)], 1000, 1_000_000)
    assert groups_of(plan) == {(1, 2)}  # the others would find more than a quarter of the budget
    pair = choose_candidates([term(1, 900, weight=1), term(2, 800, weight=3)], 1000, 100_000)
    assert groups_of(pair) == {(1, 2)}
    assert pair.unseen_bound == pytest.approx(3 * bm25.LARGEST_WEIGHT)


def test_where_pairs_find_too_much_three_or_all_are_asked_for_together() -> None:
    plan = choose_candidates([term(1, 9000), term(2, 9000), term(3, 9000)], 1000, 100_000)
    assert groups_of(plan) == {(1, 2, 3)}
    assert plan.unseen_bound == pytest.approx(2 * bm25.LARGEST_WEIGHT)


def test_sets_of_terms_are_few_and_short_lists_go_first() -> None:
    plan = choose_candidates([term(1, 10), *(term(n, 1000.0 * n) for n in range(2, 7))], 1000, 1_000_000)
    assert groups_of(plan) == {(2, 3), (2, 4), (2, 5), (2, 6), (3, 4), (3, 5)}
    # At best it has one of 2 to 6, or 4, 5 and 6.
    assert plan.unseen_bound == pytest.approx(bm25.LARGEST_WEIGHT * 3)
    long = choose_candidates([term(n, 25_000.0) for n in range(1, 6)], 1000, 1_000_000)
    assert len(long.together) == 1  # reading the lists of another would cost more than the budget


def test_of_a_long_question_any_two_of_the_rarest_terms_are_asked_for_and_one_of_each_part() -> None:
    plan = choose_candidates([term(n, 10_000.0 + n) for n in range(1, 10)], 1000, 1_000_000)
    pairs = [(every.tolist(), some.tolist()) for every, some in plan.together]
    assert pairs == [([1], [2])]  # any two of three would find more than a quarter of the budget
    assert [part.tolist() for part in plan.parts] == [[1, 4, 7], [2, 5, 8], [3, 6, 9]]  # two parts would find too much
    assert plan.unseen_bound == pytest.approx(bm25.LARGEST_WEIGHT * 6)  # at best it has the last two parts


def test_lists_that_take_long_to_read_are_in_no_part() -> None:
    plan = choose_candidates([term(n, 40_000.0 + n) for n in range(1, 10)], 5000, 10_000_000)
    assert sorted(token for part in plan.parts for token in part.tolist()) == list(range(1, 8))
    more = choose_candidates([term(n, 15_000.0 + n) for n in range(1, 13)], 1000, 1_000_000)
    assert sorted(token for part in more.parts for token in part.tolist()) == list(range(1, 10))


def test_what_any_two_terms_find_is_not_looked_for_again_by_parts() -> None:
    plan = choose_candidates([term(n, 1000.0 + n) for n in range(1, 8)], 1000, 1_000_000)
    assert groups_of(plan) == {
        (1, 2, 3, 4, 5, 6, 7),
        (2, 3, 4, 5, 6, 7),
        (3, 4, 5, 6, 7),
        (4, 5, 6, 7),
        (5, 6, 7),
        (6, 7),
    }
    assert plan.parts == ()
    assert plan.unseen_bound == pytest.approx(bm25.LARGEST_WEIGHT)


def test_a_single_term_beyond_every_budget_still_gets_candidates() -> None:
    assert len(choose_candidates([term(1, 9e5, (9e4, 8e4, 7e4, 6e4))], 100, 1e6).any_terms) == 1
    assert choose_candidates([term(1, 9e5)], 100, 1e6).any_terms.tolist() == [1]


def is_candidate(plan: CandidatePlan, tokens: set[int]) -> bool:
    def some(group: NDArray[np.int32]) -> bool:
        return not tokens.isdisjoint(group.tolist())

    together = (tokens.issuperset(every.tolist()) and some(rest) for every, rest in plan.together)
    return some(plan.any_terms) or any(together) or (bool(plan.parts) and all(some(part) for part in plan.parts))


@given(
    st.lists(st.dictionaries(st.integers(0, 9), st.integers(1, 30), min_size=1), min_size=1, max_size=30),
    st.dictionaries(st.integers(0, 9), st.integers(1, 3), min_size=1),
    st.integers(1, 30),
)
@settings(max_examples=40, deadline=None)
def test_no_document_outside_the_candidates_scores_above_the_bound(
    documents: list[dict[int, int]],
    query: dict[int, int],
    budget: int,
) -> None:
    vectors = [bm25.document_terms(counts, sum(counts.values()), 20.0) for counts in documents]
    listed = [{*bm25.tokens_of(*vector).tolist()} for vector in vectors]
    df = {token: sum(token in tokens for tokens in listed) for token in set().union(*listed)}
    terms, weights = bm25.query_weights(query, df, len(documents))
    statistics = [
        TermStatistics(t, w, df.get(t, 0), tuple(df.get(int(tier_tokens(np.array([t]), i)[0]), 0) for i in range(4)))
        for t, w in zip(terms.tolist(), weights.tolist(), strict=True)
    ]
    plan = choose_candidates(statistics, budget, len(documents))
    weight = dict(zip(terms.tolist(), weights.tolist(), strict=True))
    for (ids, values), tokens in zip(vectors, listed, strict=True):
        score = sum(weight.get(i, 0) * v for i, v in zip(ids.tolist(), values.tolist(), strict=True))
        assert is_candidate(plan, tokens) or score <= plan.unseen_bound + 1e-5

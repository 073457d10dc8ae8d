"""Prices and choices: what the planner takes, and why."""

from dataclasses import replace

import pytest

from app.domain.planning import (
    EF_LADDER,
    LARGEST_EF,
    WIDEST_HEAD,
    Prices,
    Sample,
    Situation,
    choices,
    ef_for,
    head_ef,
    head_needed,
    segments_needed,
    usual_ef,
    within,
)

SEGMENT = 5
LARGE = Situation(chunks=200_000, documents=20_000, share=1.0, limit=10, has_graph=True, ef_search=100)


def first(situation: Situation, prices: Prices | None = None) -> str:
    return choices(situation, prices or Prices(), SEGMENT)[0].strategy


@pytest.mark.parametrize(
    ("share", "expected"),
    [(1.0, "post_filter"), (0.5, "post_filter"), (0.1, "post_filter"), (0.01, "exact"), (0.0001, "exact")],
)
def test_a_filter_that_keeps_much_takes_the_graph_and_one_that_keeps_little_does_not(
    share: float, expected: str
) -> None:
    assert first(replace(LARGE, share=share)) == expected


def test_a_filter_far_from_the_query_is_not_looked_for_in_the_head_again() -> None:
    """Of 200 rows none passed though half should: what is near the query is not what the filter keeps."""
    near = replace(LARGE, share=0.5, tried=200, passed=9)
    far = replace(LARGE, share=0.5, tried=2_000, passed=0)
    assert first(near) == "post_filter"
    assert first(far) == "coarse_to_fine"
    assert first(replace(far, share=0.02)) == "exact"


def test_prices_that_were_learnt_move_the_border() -> None:
    border = replace(LARGE, share=0.03)
    assert first(border, Prices(chunk=0.2e-6)) == "exact"
    assert first(border, Prices(chunk=5e-6)) == "post_filter"


def test_a_wider_head_is_more_than_was_tried() -> None:
    for passed in range(10):
        situation = replace(LARGE, share=0.05, tried=100, passed=passed)
        widths = [choice.width for choice in choices(situation, Prices(), SEGMENT) if choice.strategy != "exact"]
        assert all(width > 100 or width == segments_needed(situation, SEGMENT) for width in widths)
    assert head_needed(replace(LARGE, share=0.1)) > 100 > 10 / 0.1 - 1  # with a margin over what suffices on average


def test_without_a_graph_exact_search_does_until_it_is_dear() -> None:
    without = replace(LARGE, has_graph=False, ef_search=None)
    assert first(replace(without, chunks=20_000, documents=2_000)) == "exact"
    assert first(replace(without, chunks=2_000_000, documents=200_000)) == "coarse_to_fine"


def test_perfect_recall_is_exact_whatever_it_costs() -> None:
    situation = replace(LARGE, recall=1.0)
    assert [choice.strategy for choice in choices(situation, Prices(), SEGMENT)] == ["exact"]
    unreached = replace(LARGE, recall=0.999, ef_search=None)
    assert [choice.strategy for choice in choices(unreached, Prices(), SEGMENT)] == ["exact"]


def test_more_recall_refines_more_segments() -> None:
    widths = [segments_needed(replace(LARGE, share=0.5, recall=recall), SEGMENT) for recall in (0.9, 0.99, 0.999)]
    assert widths == sorted(set(widths))


def test_what_is_too_dear_becomes_the_widest_head_and_says_so() -> None:
    huge = Situation(10**9, 10**8, 0.5, 10, has_graph=True, ef_search=100, tried=WIDEST_HEAD, passed=0)
    choice = within(choices(huge, Prices(), SEGMENT), 1.0, huge)
    assert (choice.strategy, choice.width, choice.final) == ("iterative", WIDEST_HEAD, True)
    small = replace(huge, chunks=10_000, documents=1_000)
    assert not within(choices(small, Prices(), SEGMENT), 1.0, small).final


def test_ef_search_is_the_least_that_was_measured_to_do() -> None:
    measured = dict(zip(EF_LADDER, (0.9, 0.96, 0.985, 0.992, 0.995, 0.998, 0.999), strict=True))
    assert ef_for(measured, 0.95, 100) == 64
    assert ef_for(measured, 0.99, 100) == 150
    assert ef_for(measured, 0.9999, 100) is None
    assert ef_for({}, 0.99, 123) == 123
    assert usual_ef(measured, 100) == 150
    assert usual_ef({40: 0.5, 800: 0.7}, 100) == 800
    assert usual_ef({}, 123) == 123


def test_ef_search_grows_with_the_head_up_to_its_bound() -> None:
    assert head_ef(100, 10, 64) == 64
    assert head_ef(400, 10, 64) == 400
    assert head_ef(5_000, 10, 64) == LARGEST_EF
    assert head_ef(100, 10, 200) == 200


def test_a_sample_without_a_passing_document_is_no_proof() -> None:
    assert 0 < Sample(1_000, 10_000, 0).share < 0.001
    assert Sample(1_000, 10_000, 5_000).share == pytest.approx(0.5, abs=0.001)
    assert Sample(0, 0, 0).share == 1.0


def test_documents_that_an_index_leads_past_cost_nothing() -> None:
    million = replace(LARGE, chunks=10_000_000, documents=1_000_000, share=1e-5)
    scanned, indexed = (
        {choice.strategy: choice.seconds for choice in choices(replace(million, indexed=found), Prices(), SEGMENT)}
        for found in (False, True)
    )
    assert scanned["exact"] > 0.05
    assert indexed["exact"] < 0.001
    assert indexed["coarse_to_fine"] < scanned["coarse_to_fine"]

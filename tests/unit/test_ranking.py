"""Rank profiles against independent computations in plain Python."""

import math
import random

import numpy as np
import pytest

from app.domain.ranking import UNRANKED, Candidates, boost_factor, rank_order, recency_factor
from app.domain.ranking_default import feedback, fuse, priors, smooth
from app.domain.ranking_lists import fuse_opensearch, fuse_rrf
from app.domain.ranking_vespa import fuse_vespa


def make_candidates(seed: int, count: int = 40) -> Candidates:
    chance = random.Random(seed)
    ranks = list(range(count))
    vector, keyword = ranks[:], ranks[:]
    chance.shuffle(vector)
    chance.shuffle(keyword)

    def numbers(low: float, high: float) -> np.ndarray:
        return np.array([chance.uniform(low, high) for _ in ranks])

    return Candidates(
        cosine=numbers(-0.2, 0.95),
        bm25=numbers(0, 20),
        vector_rank=np.array([rank if rank < count * 0.7 else UNRANKED for rank in vector]),
        keyword_rank=np.array([rank if rank < count * 0.6 else UNRANKED for rank in keyword]),
        boost=np.array([chance.choice([-12, -1, 0, 0, 2, 30]) for _ in ranks]),
        age=numbers(0, 3),
        title_cosine=np.array([chance.choice([math.nan, chance.uniform(-1, 1)]) for _ in ranks]),
        title_bm25=numbers(0, 8),
        title_phrase=numbers(0, 2),
        content_phrase=numbers(0, 5),
    )


def scale(values: list[float]) -> list[float]:
    low, high = min(values), max(values)
    return [(value - low) / (high - low) for value in values]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("alpha", [0.2, 0.5])
def test_vespa_is_the_formula_of_its_schema(seed: int, alpha: float) -> None:
    given = make_candidates(seed)
    ce = [1 / (1 + math.acos(cosine)) for cosine in given.cosine]
    ct = [0.0 if math.isnan(cosine) else 1 / (1 + math.acos(cosine)) for cosine in given.title_cosine]
    n_max, n_ce = scale([max(pair) for pair in zip(ce, ct, strict=True)]), scale(ce)
    n_title, n_content = scale(list(given.title_bm25)), scale(list(given.bm25))
    expected = []
    for i, (boost, age) in enumerate(zip(given.boost, given.age, strict=True)):
        score = alpha * (0.1 * n_max[i] + 0.9 * n_ce[i]) + (1 - alpha) * (0.1 * n_title[i] + 0.9 * n_content[i])
        sigmoid = 1 / (1 + math.exp(-boost / 3))
        score *= 0.5 + sigmoid if boost < 0 else 2 * sigmoid
        expected.append(score * max(1 / (1 + 0.5 * age), 0.75))
    ranking = fuse_vespa(given, alpha, keyword_base=alpha == 0.2)
    np.testing.assert_allclose(ranking.scores, expected, atol=1e-9)
    assert ranking.kept.all()


def test_vespa_reranks_only_the_best_of_its_first_phase() -> None:
    given = make_candidates(3)
    ranking = fuse_vespa(given, 0.5, keyword_base=True, reranked=10)
    first = 0.1 * given.title_bm25 + 0.9 * given.bm25
    assert set(np.flatnonzero(ranking.kept)) == set(np.argsort(-first)[:10])
    kept = ranking.features["bm25_content_normalised"][ranking.kept]
    assert (kept.min(), kept.max()) == (0.0, 1.0)


@pytest.mark.parametrize("seed", range(3))
def test_opensearch_scales_each_list_over_its_own_hits(seed: int) -> None:
    given = make_candidates(seed)
    words = [
        0.1 * t + 0.2 * tp + c + 1.5 * cp
        for t, tp, c, cp in zip(given.title_bm25, given.title_phrase, given.bm25, given.content_phrase, strict=True)
    ]
    near = [(1 + cosine) / 2 for cosine in given.cosine]
    expected = []
    for i in range(len(given)):
        score = 0.0
        for values, ranks in ((near, given.vector_rank), (words, given.keyword_rank)):
            listed = [value for value, rank in zip(values, ranks, strict=True) if rank != UNRANKED]
            if ranks[i] != UNRANKED:
                scaled = (values[i] - min(listed)) / (max(listed) - min(listed))
                score += 0.5 * (scaled or 0.001)
        expected.append(score)
    np.testing.assert_allclose(fuse_opensearch(given).scores, expected, atol=1e-9)


def test_opensearch_gives_a_single_hit_everything() -> None:
    given = make_candidates(1, count=1)
    assert fuse_opensearch(given).scores.tolist() == [1.0 if given.keyword_rank[0] != UNRANKED else 0.5]


def test_rrf_adds_reciprocal_ranks() -> None:
    given = make_candidates(4)
    expected = [
        sum(1 / (60 + rank + 1) for rank in pair if rank != UNRANKED)
        for pair in zip(given.vector_rank, given.keyword_rank, strict=True)
    ]
    np.testing.assert_allclose(fuse_rrf(given).scores, expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_default_mixes_by_bound_and_spread(seed: int) -> None:
    given = make_candidates(seed, count=300)
    cosines = sorted((c for c, r in zip(given.cosine, given.vector_rank, strict=True) if r >= 0), reverse=True)
    words = sorted((b for b, r in zip(given.bm25, given.keyword_rank, strict=True) if r >= 0), reverse=True)
    nc = math.sqrt((1 - 0.15) * (cosines[0] - cosines[99]))
    nb = math.sqrt(33.0 * (words[0] - words[99]))
    expected = [0.4 * (c - 0.15) / nc + 0.6 * b / nb for c, b in zip(given.cosine, given.bm25, strict=True)]
    np.testing.assert_allclose(fuse(given, 0.4, 0.15, 33.0).scores, expected, atol=1e-9)


def test_default_does_not_see_beyond_the_hundredth_of_each_list() -> None:
    few = make_candidates(8, count=300)
    order = {"vector_rank": np.argsort(np.argsort(-few.cosine)), "keyword_rank": np.argsort(np.argsort(-few.bm25))}
    shallow = {name: np.where(ranks < 120, ranks, UNRANKED) for name, ranks in order.items()}
    fields = {name: getattr(few, name) for name in Candidates.__slots__ if name not in order}
    scores = [fuse(Candidates(**fields, **ranks), 0.4, 0.2, 40.0).scores for ranks in (order, shallow)]
    np.testing.assert_array_equal(scores[0], scores[1])


def test_default_has_an_answer_for_lists_without_spread() -> None:
    for count in (1, 2):
        same = make_candidates(0, count=count)
        flat = Candidates(
            **{
                name: np.zeros(count)
                for name in ("cosine", "bm25", "age", "title_bm25", "title_phrase", "content_phrase")
            },
            title_cosine=np.full(count, np.nan),
            vector_rank=same.vector_rank,
            keyword_rank=same.keyword_rank,
            boost=np.zeros(count, np.int64),
        )
        assert np.isfinite(fuse(flat, 0.4, 0.0, 0.0).scores).all()


def test_smoothing_is_the_weighted_mean_of_the_nearest_five() -> None:
    chance = np.random.default_rng(2)
    scores = np.sort(chance.uniform(0, 1, 80))[::-1].copy()
    embeddings = chance.normal(0.3, 1, (50, 16)).astype(np.float32)
    head = np.arange(50)
    smoothed = scores + smooth(scores, head, embeddings)
    for i in range(50):
        cosines = {
            j: float(
                np.dot(embeddings[i], embeddings[j]) / np.linalg.norm(embeddings[i]) / np.linalg.norm(embeddings[j])
            )
            for j in range(50)
            if j != i
        }
        nearest = sorted(cosines, key=lambda j: -cosines[j])[:5]
        weights = [max(cosines[j], 0.0) for j in nearest]
        mean = sum(w * scores[j] for w, j in zip(weights, nearest, strict=True)) / sum(weights)
        assert smoothed[i] == pytest.approx(0.65 * scores[i] + 0.35 * mean, abs=1e-5)
    np.testing.assert_array_equal(smoothed[50:], scores[50:])
    assert smoothed[:50].min() >= scores[49] - 1e-12


def test_smoothing_leaves_chunks_without_neighbours_alone() -> None:
    scores = np.array([3.0, 2.0, 1.0])
    assert smooth(scores, np.array([0]), np.ones((1, 4), np.float32)).tolist() == [0, 0, 0]
    assert smooth(scores, np.arange(3), np.zeros((3, 4), np.float32)).tolist() == [0, 0, 0]


def test_feedback_moves_towards_what_was_found() -> None:
    query = np.array([2.0, 0, 0], np.float32)
    best = np.array([[0, 3.0, 0], [0, 0, 1.0]], np.float32)
    moved = np.array([1.0, 0.15, 0.15])
    np.testing.assert_allclose(feedback(query, best), moved / np.linalg.norm(moved), rtol=1e-6)


def test_boost_and_recency_are_the_factors_of_onyx() -> None:
    assert boost_factor(np.array([0, -2000, 2000])).tolist() == pytest.approx([1.0, 0.5, 2.0])
    assert recency_factor(np.array([0.0, 0.5, 100.0])).tolist() == pytest.approx([1.0, 0.8, 0.75])


def test_priors_stay_gentle() -> None:
    given = make_candidates(6, count=200)
    parts = priors(given)
    assert np.abs(parts["boost"]).max() <= 0.3
    assert parts["recency"].min() >= -0.025
    assert (parts["boost"][given.boost == 0] == 0).all()


def test_ties_go_by_document_and_chunk() -> None:
    scores = np.array([1.0, 0.1 + 0.2, 0.3, 1.0])
    assert rank_order(scores, ["b", "z", "a", "a"], [0, 0, 0, 9]).tolist() == [3, 0, 2, 1]

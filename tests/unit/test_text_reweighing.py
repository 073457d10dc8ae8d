import numpy as np
import pytest

from app.text.bm25 import K1, B, document_terms, reweigh, saturation


@pytest.mark.parametrize("seed", range(20))
def test_weights_come_out_as_if_made_by_the_other_length(seed: int) -> None:
    chance = np.random.default_rng(seed)
    counts = {int(term): int(times) for term, times in enumerate(chance.geometric(0.5, chance.integers(1, 300)))}
    length = sum(counts.values())
    _, old = document_terms(counts, length, float(chance.uniform(5, 500)))
    average = float(chance.uniform(5, 500))
    _, expected = document_terms(counts, length, average)
    new = reweigh(old, length, average)
    np.testing.assert_allclose(old if new is None else new, expected, rtol=2e-3 if new is None else 1e-6)


def test_right_weights_stay() -> None:
    _, weights = document_terms({1: 3, 2: 1}, 4, 10.0)
    assert reweigh(weights, 4, 10.0) is None


def test_a_document_without_terms_has_nothing_to_weigh() -> None:
    assert reweigh(np.zeros(0, np.float32), 0, 10.0) is None


def test_saturation_is_a_document_weight() -> None:
    _, weights = document_terms({7: 3, 8: 5}, 8, 20.0)
    assert saturation(3, 8, 20.0) == pytest.approx(float(weights[0]))
    assert saturation(3, 8, 20.0) == pytest.approx(3 * 2.2 / (3 + K1 * (1 - B + B * 8 / 20)))
    assert saturation(0, 8, 20.0) == 0

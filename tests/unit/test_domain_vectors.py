"""Embeddings in half precision."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.vectors import HALF_MAX, to_half

finite = st.floats(width=32, allow_nan=False, allow_infinity=False)


def test_numbers_that_half_precision_can_hold_stay() -> None:
    for numbers in ([1.0, -0.5, 0.25], [65504.0, 0.0], [0.02, 0.0], [1000.0, 3.0]):
        vector = np.array(numbers, dtype=np.float32)
        assert to_half(vector).tolist() == vector.astype(np.float16).tolist()
        assert to_half(vector).dtype == np.float16


@pytest.mark.parametrize("factor", [1e-30, 1e-8, 1e-4, 1e5, 1e20, 1e38])
def test_others_are_scaled_and_keep_their_direction(factor: float) -> None:
    direction = np.array([0.6, -0.8, 0.0], dtype=np.float32)
    half = to_half((direction * factor).astype(np.float32)).astype(np.float64)
    assert np.isfinite(half).all()
    assert half @ direction / np.linalg.norm(half) == pytest.approx(1, abs=1e-5)


def test_zero_stays_zero() -> None:
    assert to_half(np.zeros(4, dtype=np.float32)).tolist() == [0.0] * 4


def test_the_argument_is_not_changed() -> None:
    vector = np.array([1e6, 1.0], dtype=np.float32)
    to_half(vector)
    assert vector.tolist() == [1e6, 1.0]


@given(st.lists(finite, min_size=1, max_size=8))
def test_every_direction_survives(numbers: list[float]) -> None:
    vector = np.array(numbers, dtype=np.float32)
    half = to_half(vector).astype(np.float64)
    assert (np.abs(half) <= HALF_MAX).all()
    length = np.linalg.norm(vector.astype(np.float64))
    if length == 0:
        assert not half.any()
    else:
        cosine = half @ (vector.astype(np.float64) / length) / np.linalg.norm(half)
        assert cosine == pytest.approx(1, abs=1e-4)


@given(st.lists(finite, min_size=1, max_size=8))
def test_what_was_read_back_is_stored_as_it_was(numbers: list[float]) -> None:
    """Exports are imported without a change: digests stay equal, and chunks are left alone."""
    half = to_half(np.array(numbers, dtype=np.float32))
    assert to_half(half.astype(np.float32)).tobytes() == half.tobytes()

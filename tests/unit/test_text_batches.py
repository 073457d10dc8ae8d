"""Many chunks at once give what each gives alone."""

from array import array
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.text import bm25
from app.text.batches import TermsBatch, weigh_batch
from app.text.hashing import TERM_SPACE

bags = st.lists(st.lists(st.integers(1, 12) | st.integers(1, TERM_SPACE), max_size=30), max_size=6)


def packed(bag: list[int]) -> bytes:
    return array("i", bag).tobytes()


def of_chunk(batch: TermsBatch, place: int) -> tuple[list[int], list[float], list[int]]:
    own = slice(batch.bounds[place], batch.bounds[place + 1])
    found = slice(batch.token_bounds[place], batch.token_bounds[place + 1])
    return batch.indices[own].tolist(), batch.weights[own].tolist(), batch.tokens[found].tolist()


def alone(bag: list[int], average_length: float) -> tuple[list[int], list[float], list[int]]:
    indices, weights = bm25.document_terms(Counter(bag), len(bag), average_length)
    return indices.tolist(), weights.tolist(), bm25.tokens_of(indices, weights).tolist()


@given(bags, st.floats(1, 500))
def test_a_batch_is_its_chunks(batch: list[list[int]], average_length: float) -> None:
    weighed = weigh_batch([packed(bag) for bag in batch], average_length)
    assert weighed.lengths.tolist() == [len(bag) for bag in batch]
    for place, bag in enumerate(batch):
        assert of_chunk(weighed, place) == alone(bag, average_length)


def test_of_very_many_terms_the_heaviest_stay() -> None:
    chance = np.random.default_rng(1)
    many = chance.integers(0, 40_000, 60_000).tolist()
    assert len(set(many)) > bm25.MAX_NONZEROS
    weighed = weigh_batch([packed([7, 7]), packed(many), packed([5])], 100.0)
    for place, bag in enumerate(([7, 7], many, [5])):
        assert of_chunk(weighed, place) == alone(bag, 100.0)


def test_an_average_length_is_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        weigh_batch([packed([1])], 0.0)

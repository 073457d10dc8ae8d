"""What is counted as found."""

import numpy as np
import pytest

from app.domain.recall import bucket_of, probes, recall_of


def test_recall_is_the_share_of_the_exact_answer() -> None:
    assert recall_of([0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.5, 0.6]) == 0.5
    assert recall_of([0.1, 0.2], []) == 0.0
    assert recall_of([0.1, 0.1, 0.1], [0.1, 0.1 + 1e-9, 0.1]) == 1.0  # equals count, whichever they are
    assert recall_of([], [0.3]) == 1.0
    assert recall_of([0.1, float("nan")], [0.1]) == 1.0  # a zero vector is nobody's neighbour
    assert recall_of([0.1], [0.1, 0.1]) == 1.0


def test_probes_are_near_chunks_and_not_chunks() -> None:
    stored = [np.eye(4, dtype=np.float16)[n] * 3 for n in range(4)] + [np.zeros(4, np.float16)]
    made = probes(stored)
    assert len(made) == 4
    for number, probe in enumerate(made):
        assert probe.argmax() == number
        assert 0.9 < probe[number] / np.linalg.norm(probe) < 0.99


@pytest.mark.parametrize(
    ("share", "name"),
    [(1.0, "50-100%"), (0.5, "50-100%"), (0.49, "10-50%"), (0.05, "1-10%"), (0.001, "below 1%"), (0.0, "below 1%")],
)
def test_every_share_has_a_bucket(share: float, name: str) -> None:
    assert bucket_of(share) == name

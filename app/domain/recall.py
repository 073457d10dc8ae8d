"""Recall at k: what share of the exact nearest was found, and what to ask for to know."""

from collections.abc import Sequence

import numpy as np

from app.domain.vectors import HalfVector, Vector

_TOLERANCE = 1e-6
"""Distances of one vector may differ so much between two ways of adding up."""

_OWN = 0.8
"""How much of a probe is the chunk it is made from; the rest is another one: queries are near chunks, not equal."""

BUCKETS: tuple[tuple[str, float], ...] = (("50-100%", 0.5), ("10-50%", 0.1), ("1-10%", 0.01), ("below 1%", 0.0))
"""Names of selectivity buckets, and the least share that belongs into each."""


def recall_of(exact: Sequence[float], found: Sequence[float]) -> float:
    """Compare distances rather than keys, so that equals count as found; 1 where there was nothing to find."""
    wanted = [distance for distance in exact if distance == distance]  # noqa: PLR0124  zero vectors have none: NaN
    if not wanted:
        return 1.0
    worst = max(wanted) + _TOLERANCE
    return min(1.0, sum(distance <= worst for distance in found) / len(wanted))


def probes(embeddings: Sequence[HalfVector]) -> list[Vector]:
    """Make queries of stored embeddings: each is moved towards the next, since nobody asks for a chunk itself."""
    kept = [np.asarray(embedding, np.float32) for embedding in embeddings if np.any(embedding)]
    unit = [embedding / np.linalg.norm(embedding) for embedding in kept]
    return [
        (_OWN * one + (1.0 - _OWN) * other).astype(np.float32)
        for one, other in zip(unit, unit[1:] + unit[:1], strict=True)
    ]


def bucket_of(share: float) -> str:
    """Return the name of the bucket a share belongs into."""
    return next(name for name, least in BUCKETS if share >= least)

"""Embeddings as arrays, and the half precision they are stored in."""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
"""One embedding, shape (dimension,)."""

HALF_MAX = 65504.0
"""The largest finite half-precision number."""

HALF_SMALL = 1e-2
"""Below this length a vector's numbers would lose digits in half precision."""


def to_half(vector: NDArray[np.floating]) -> NDArray[np.float16]:
    """Round an embedding to the half precision it is stored in.

    Numbers stay as they are given unless half precision cannot hold them: then the vector is scaled to
    unit length first, since only its direction counts. A zero vector stays zero.

    Parameters
    ----------
    vector
        Finite numbers, shape (dimension,); what is half precision already is left as it is.

    Returns
    -------
    numpy.ndarray
        float16, shape (dimension,).
    """
    if vector.dtype == np.float16:
        return vector.astype(np.float16, copy=False)
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if length and (length < HALF_SMALL or float(np.abs(vector).max()) > HALF_MAX):
        vector = (vector.astype(np.float64) / length).astype(np.float32)
    return vector.astype(np.float16)

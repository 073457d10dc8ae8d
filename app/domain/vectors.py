"""Embeddings as arrays, and the half precision they are stored in."""

import math

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
"""One embedding, shape (dimension,)."""

HalfVector = NDArray[np.float16]
"""One embedding as it is stored, shape (dimension,)."""

HALF_MAX = 65504.0
"""The largest finite half-precision number."""

HALF_SMALL = 1e-2
"""Below this length a vector's numbers would lose digits in half precision."""


def to_half(vector: Vector | HalfVector) -> HalfVector:
    """Round an embedding to the half precision it is stored in.

    Numbers stay as they are given unless half precision cannot hold them: then the vector is scaled to
    unit length first, since only its direction counts. A zero vector stays zero.

    Parameters
    ----------
    vector
        Numbers, shape (dimension,); what is half precision already is left as it is.

    Returns
    -------
    numpy.ndarray
        float16, shape (dimension,).

    Raises
    ------
    ValueError
        A number is not finite.
    """
    if vector.dtype == np.float16:
        return vector.astype(np.float16, copy=False)
    with np.errstate(over="ignore", under="ignore"):
        square = float(vector.dot(vector))  # infinite or zero where single precision ends: looked at below
    if HALF_SMALL**2 <= square <= HALF_MAX**2:  # no number is larger than the whole
        return vector.astype(np.float16)
    wide = vector.astype(np.float64)
    length = float(np.linalg.norm(wide))
    if not math.isfinite(length):
        raise ValueError("an embedding has finite numbers only")
    if length and (length < HALF_SMALL or float(np.abs(wide).max()) > HALF_MAX):
        wide /= length
    return wide.astype(np.float16)

"""Vectors as the service takes them: base64 of little-endian float32, a quarter of what JSON numbers take."""

import base64
import sys
from array import array
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, SkipValidation

_SWAP = sys.byteorder == "big"


def encode_vector(values: Sequence[float]) -> str:
    """Write numbers as base64 of little-endian float32."""
    numbers = array("f", values)
    if _SWAP:
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode("ascii")


def decode_vector(value: Any) -> Any:  # noqa: ANN401  what is no base64 is left to pydantic
    """Read what `encode_vector` wrote."""
    if not isinstance(value, str):
        return value
    numbers = array("f", base64.b64decode(value))
    if _SWAP:
        numbers.byteswap()
    return numbers


SentVector = Annotated[SkipValidation[Sequence[float]], PlainSerializer(encode_vector, return_type=str)]
"""A vector of a request: any sequence of numbers, which is not copied."""

ReceivedVector = Annotated[SkipValidation[Sequence[float]], BeforeValidator(decode_vector)]
"""A vector of an answer, as an array of float32."""

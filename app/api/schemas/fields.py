"""Field types that several bodies share."""

import binascii
import math
import struct
from collections.abc import Callable, Hashable, Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any, ClassVar, LiteralString

import numpy as np
import pybase64
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    JsonValue,
    StringConstraints,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, ValidationError, core_schema

from app.domain.documents import whole_seconds
from app.domain.unicode import clean_json, clean_text, is_storable
from app.domain.vectors import HalfVector, Vector, to_half

Place = tuple[int | str, ...]
"""Where in a body something stands."""

MAX_ID_BYTES = 4096
MAX_LIST = 200_000
MAX_LABEL = 100_000
MAX_QUERY_CHARACTERS = 200_000
MAX_DIMENSION = 4000
EMBEDDING_FORMS = ("embedding:base64", "embedding:numbers")
"""What pydantic calls the members of the union in the places of its errors."""


class Body(BaseModel):
    """A request body: fields it does not know are refused.

    Pydantic's cache of short strings is for keys only: the values of long lists would push each other out.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, cache_strings="keys")
    carries_documents: ClassVar[bool] = False
    """Whether it may be as large as any body."""


def example(value: dict[str, Any]) -> ConfigDict:
    """Show a body on the API page that works as it stands: assign to ``model_config``."""
    return ConfigDict(json_schema_extra={"examples": [value]})


class EmbeddingSchema:
    """An array of numbers, or base64 of little-endian float32, as an array of shape (dimension,).

    Parameters
    ----------
    to_array
        Makes the array of what came.
    """

    def __init__(self, to_array: Callable[[str | list[float]], Vector | HalfVector]) -> None:
        self._to_array = to_array

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> CoreSchema:  # noqa: ANN401
        numbers = core_schema.list_schema(
            core_schema.float_schema(allow_inf_nan=False), min_length=1, max_length=MAX_DIMENSION, fail_fast=True
        )
        choices: list[CoreSchema | tuple[CoreSchema, str]] = [  # in order: what is tried in vain takes time
            (numbers, EMBEDDING_FORMS[1]),
            (core_schema.str_schema(), EMBEDDING_FORMS[0]),
        ]
        return core_schema.no_info_after_validator_function(
            self._to_array, core_schema.union_schema(choices, mode="left_to_right")
        )

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {
            "anyOf": [
                {"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": MAX_DIMENSION},
                {"type": "string", "contentEncoding": "base64"},
            ],
            "description": "An array of numbers, or base64 of little-endian float32.",
        }


def _to_vector(value: str | list[float]) -> Vector:
    if isinstance(value, list):
        return _from_numbers(value)
    vector = _from_base64(value)
    if not np.isfinite(vector).all():
        raise _not_finite()
    return vector


def _to_half(value: str | list[float]) -> HalfVector:
    vector = _from_numbers(value) if isinstance(value, list) else _from_base64(value)
    try:
        return to_half(vector)
    except ValueError as error:
        raise _not_finite() from error


Embedding = Annotated[Vector, EmbeddingSchema(_to_vector)]
"""Single precision, to search with."""
StoredEmbedding = Annotated[HalfVector, EmbeddingSchema(_to_half)]
"""Half precision, as it is stored."""


def _from_numbers(value: list[float]) -> Vector:
    """Make an array of finite numbers; struct does so in a third of the time that numpy takes."""
    try:
        packed = struct.pack(f"<{len(value)}f", *value)
    except OverflowError as error:
        raise _not_finite() from error
    return np.frombuffer(packed, dtype="<f4").astype(np.float32, copy=False)


def _not_finite() -> PydanticCustomError:
    return PydanticCustomError("finite_number", "Every number must be finite in single precision")


def _from_base64(text: str) -> Vector:
    try:
        data = pybase64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PydanticCustomError("base64", "This is not base64") from error
    if not data or len(data) % 4:
        raise PydanticCustomError("base64", "This is not base64 of float32 numbers: {n} bytes", {"n": len(data)})
    return np.frombuffer(data, dtype="<f4").astype(np.float32, copy=False)


def _check_storable(text: str) -> str:
    if not is_storable(text):
        _raise([_unstorable_text(text, ())])
    return text


def _check_labels(labels: list[str]) -> list[str]:
    if not is_storable("".join(labels)):
        _raise([_unstorable_text(text, (place,)) for place, text in enumerate(labels) if not is_storable(text)])
    return labels


def _check_id(text: str) -> str:
    if not 0 < len(_check_storable(text).encode()) <= MAX_ID_BYTES:
        raise PydanticCustomError("id_length", "An id has 1 to {n} bytes of UTF-8", {"n": MAX_ID_BYTES})
    return text


def _check_moment(moment: datetime) -> datetime:
    try:
        whole_seconds(moment)
    except OverflowError as error:
        raise PydanticCustomError("moment_out_of_range", "The time lies outside the years 1 to 9999") from error
    return moment


def check_distinct(values: Iterable[tuple[Hashable, Place]]) -> None:
    """Refuse values that come twice, each at its place in the body.

    Raises
    ------
    ValidationError
        Some do; pydantic puts the places of a validator's own errors below where it stands.
    """
    seen: set[Hashable] = set()
    twice: list[InitErrorDetails] = []
    for value, place in values:
        if value in seen:
            twice.append(_detail("duplicate", "It comes twice", value, place))
        seen.add(value)
    _raise(twice)


def _check_numbers(metadata: dict[str, JsonValue]) -> dict[str, JsonValue]:
    _raise(
        [
            _detail("number_range", "Numbers are finite, and integers have 64 bits", *item)
            for item in _unstorable(metadata, ())
        ]
    )
    return metadata


def _unstorable(value: JsonValue, place: Place) -> Iterator[tuple[JsonValue, Place]]:
    """Find the numbers that JSON or its readers would change: NaN, infinities, integers beyond 64 bits."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _unstorable(item, (*place, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _unstorable(item, (*place, number))
    elif (isinstance(value, float) and not math.isfinite(value)) or (
        isinstance(value, int) and not -(2**63) <= value < 2**64
    ):
        yield value, place


def _unstorable_text(text: str, place: Place) -> InitErrorDetails:
    return _detail("unstorable", "NUL and lone surrogates cannot be part of it", text, place)


def _detail(code: LiteralString, message: LiteralString, value: object, place: Place) -> InitErrorDetails:
    return InitErrorDetails(type=PydanticCustomError(code, message), loc=place, input=value)


def _raise(flaws: list[InitErrorDetails]) -> None:
    if flaws:
        raise ValidationError.from_exception_data("body", flaws)


DocumentId = Annotated[str, AfterValidator(_check_id), Field(description="Any text of up to 4,096 bytes.")]
IndexName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.\-]{1,150}$")]
Label = Annotated[str, StringConstraints(max_length=MAX_LABEL), AfterValidator(_check_storable)]
"""A name that is compared as it is: an access list entry, a document set, a source type."""
CleanText = Annotated[str, AfterValidator(clean_text)]
"""Text from which control characters and lone surrogates are removed."""
Metadata = Annotated[dict[str, JsonValue], AfterValidator(_check_numbers), AfterValidator(clean_json)]
Moment = Annotated[datetime, AfterValidator(_check_moment)]
Number = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
Labels = Annotated[
    list[Annotated[str, StringConstraints(max_length=MAX_LABEL)]],
    Field(max_length=MAX_LIST),
    AfterValidator(_check_labels),
]
"""Checked as one text: an access control list may have 50,000 entries."""
Numbers = Annotated[list[Number], Field(max_length=MAX_LIST)]
DocumentIds = Annotated[list[DocumentId], Field(max_length=MAX_LIST)]
ChunkIndex = Annotated[int, Field(ge=0, le=2**31 - 1)]
Boost = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]

"""Field types that several bodies share."""

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any

import numpy as np
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
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from app.domain.documents import whole_seconds
from app.domain.unicode import clean_json, clean_text, is_storable
from app.domain.vectors import Vector

MAX_ID_BYTES = 4096
MAX_LIST = 200_000
MAX_QUERY_CHARACTERS = 200_000


class Body(BaseModel):
    """A request body: fields it does not know are refused."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


class EmbeddingSchema:
    """An array of numbers, or base64 of little-endian float32, as a float32 array of shape (dimension,)."""

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> CoreSchema:  # noqa: ANN401
        numbers = core_schema.list_schema(core_schema.float_schema(allow_inf_nan=False), min_length=1)
        choices: list[CoreSchema | tuple[CoreSchema, str]] = [
            (core_schema.str_schema(), "base64"),
            (numbers, "numbers"),
        ]
        return core_schema.no_info_after_validator_function(
            _to_vector, core_schema.union_schema(choices, mode="left_to_right")
        )

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {
            "anyOf": [
                {"type": "array", "items": {"type": "number"}, "minItems": 1},
                {"type": "string", "contentEncoding": "base64"},
            ],
            "description": "An array of numbers, or base64 of little-endian float32.",
        }


Embedding = Annotated[Vector, EmbeddingSchema()]


def _to_vector(value: str | list[float]) -> Vector:
    if isinstance(value, str):
        vector = _from_base64(value)
    else:
        with np.errstate(over="ignore"):
            vector = np.asarray(value, dtype=np.float32)
    if not np.isfinite(vector).all():
        raise PydanticCustomError("finite_number", "Every number must be finite in single precision")
    return vector


def _from_base64(text: str) -> Vector:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PydanticCustomError("base64", "This is not base64") from error
    if not data or len(data) % 4:
        raise PydanticCustomError("base64", "This is not base64 of float32 numbers: {n} bytes", {"n": len(data)})
    return np.frombuffer(data, dtype="<f4").astype(np.float32, copy=False)


def _check_storable(text: str) -> str:
    if not is_storable(text):
        raise PydanticCustomError("unstorable", "NUL and lone surrogates cannot be part of it")
    return text


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


DocumentId = Annotated[str, AfterValidator(_check_id), Field(description="Any text of up to 4,096 bytes.")]
IndexName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.\-]{1,150}$")]
Label = Annotated[str, StringConstraints(max_length=100_000), AfterValidator(_check_storable)]
"""A name that is compared as it is: an access list entry, a document set, a source type."""
CleanText = Annotated[str, AfterValidator(clean_text)]
"""Text from which control characters and lone surrogates are removed."""
Metadata = Annotated[dict[str, JsonValue], AfterValidator(clean_json)]
Moment = Annotated[datetime, AfterValidator(_check_moment)]
Number = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
Labels = Annotated[list[Label], Field(max_length=MAX_LIST)]
Numbers = Annotated[list[Number], Field(max_length=MAX_LIST)]
DocumentIds = Annotated[list[DocumentId], Field(max_length=MAX_LIST)]
ChunkIndex = Annotated[int, Field(ge=0, le=2**31 - 1)]
Boost = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]

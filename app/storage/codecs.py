"""Binary codecs for pgvector's types: 30 times cheaper than their text forms.

Formats: ``halfvec_send`` and ``sparsevec_send`` in pgvector's src/halfvec.c and src/sparsevec.c.
"""

import struct
from typing import NamedTuple

import asyncpg
import numpy as np
import orjson
from numpy.typing import NDArray

from app.domain.errors import DatabaseUnavailableError
from app.domain.vectors import HalfVector, Vector, to_half
from app.storage.statements import statement

SPARSE_DIMENSION = 1_000_000_000
"""The largest dimension of a sparsevec."""


class SparseVector(NamedTuple):
    """Non-zero places in ascending order, int32 from 1 as in the text form, and their float32 values."""

    indices: NDArray[np.int32]
    values: NDArray[np.float32]


async def register_codecs(connection: asyncpg.Connection) -> None:
    """Teach a connection pgvector's types and JSON.

    Raises
    ------
    DatabaseUnavailableError
        pgvector is not there yet: a connection without its types would be of no use once it is.
    """
    schema = await connection.fetchval(statement("operations/get_vector_schema").text())
    if schema is None:
        raise DatabaseUnavailableError("The schema is not there: run `vector-search migrate`.")
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=encode_jsonb, decoder=_decode_jsonb, format="binary"
    )
    await connection.set_type_codec(
        "halfvec", schema=schema, encoder=encode_halfvec, decoder=_decode_halfvec, format="binary"
    )
    await connection.set_type_codec(
        "sparsevec", schema=schema, encoder=encode_sparsevec, decoder=_decode_sparsevec, format="binary"
    )


def encode_halfvec(vector: Vector | HalfVector) -> bytes:
    """Write an embedding as halfvec."""
    half = to_half(vector)
    return struct.pack(">HH", half.shape[0], 0) + half.astype(">f2").tobytes()


def _decode_halfvec(data: bytes) -> NDArray[np.float16]:
    return np.frombuffer(data, dtype=">f2", offset=4).astype(np.float16)


def encode_sparsevec(vector: SparseVector) -> bytes:
    """Write weights as sparsevec."""
    return (
        struct.pack(">iii", SPARSE_DIMENSION, len(vector.indices), 0)
        + (vector.indices - 1).astype(">i4").tobytes()
        + vector.values.astype(">f4").tobytes()
    )


def _decode_sparsevec(data: bytes) -> SparseVector:
    _, count, _ = struct.unpack_from(">iii", data)
    indices = np.frombuffer(data, dtype=">i4", count=count, offset=12).astype(np.int32) + 1
    return SparseVector(indices, np.frombuffer(data, dtype=">f4", offset=12 + 4 * count).astype(np.float32))


def encode_jsonb(value: object) -> bytes:
    """Write JSON as jsonb."""
    return b"\x01" + orjson.dumps(value)


def _decode_jsonb(data: bytes) -> object:
    return orjson.loads(data[1:])

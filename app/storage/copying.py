"""Rows as PostgreSQL's binary COPY stream.

asyncpg encodes records too, one element of an array after another; here an array is one numpy call.
Format: PostgreSQL manual, COPY, "Binary Format"; the elements are those of each type's ``_send`` function.
"""

import struct
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.storage.codecs import encode_halfvec, encode_jsonb, encode_sparsevec

_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = struct.pack(">h", -1)
_NULL = struct.pack(">i", -1)
_BLOCK = 256 * 1024
_INT4_OID = 23
_ELEMENT = np.dtype([("length", ">i4"), ("value", ">i4")])

_pack_int = struct.Struct(">i").pack


def _encode_int_array(values: NDArray[np.int32]) -> bytes:
    elements = np.empty(len(values), _ELEMENT)
    elements["length"] = 4
    elements["value"] = values
    return struct.pack(">iiiii", 1, 0, _INT4_OID, len(values), 1) + elements.tobytes()


ENCODERS: Mapping[str, Callable[[Any], bytes]] = {
    "integer": _pack_int,
    "uuid": lambda value: bytes(value.bytes),
    "text": lambda value: bytes(value.encode()),
    "jsonb": encode_jsonb,
    "halfvec": encode_halfvec,
    "sparsevec": encode_sparsevec,
    "integer[]": _encode_int_array,
}
"""What a value of each PostgreSQL type is in the stream."""


async def copy_stream(types: Sequence[str], rows: Iterable[tuple[object, ...]]) -> AsyncIterator[bytes]:
    """Write rows as a stream, some hundred kilobytes at a time.

    Parameters
    ----------
    types
        The PostgreSQL type of each column, keys of `ENCODERS`.
    rows
        Values in the order of the columns; None is NULL.
    """
    encoders = [ENCODERS[name] for name in types]
    count = struct.pack(">h", len(types))
    parts, size = [_HEADER], 0
    for row in rows:
        parts.append(count)
        for encode, value in zip(encoders, row, strict=True):
            if value is None:
                parts.append(_NULL)
            else:
                data = encode(value)
                parts += (_pack_int(len(data)), data)
                size += len(data)
        if size > _BLOCK:
            yield b"".join(parts)
            parts, size = [], 0
    yield b"".join((*parts, _TRAILER))

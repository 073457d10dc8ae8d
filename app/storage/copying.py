"""Rows as PostgreSQL's binary COPY stream.

asyncpg encodes records too, one value after another; here whoever has rows writes them, as few calls as their
shape allows. Format: PostgreSQL manual, COPY, "Binary Format".
"""

import struct
from collections.abc import AsyncIterator, Iterable

_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = struct.pack(">h", -1)
_NULL = struct.pack(">i", -1)
_BLOCK = 256 * 1024

_pack_length = struct.Struct(">i").pack


def field(data: bytes | None) -> bytes:
    """Write one value of a row; None is NULL."""
    return _NULL if data is None else _pack_length(len(data)) + data


def text_field(text: str | None) -> bytes:
    """Write a text; None is NULL."""
    return _NULL if text is None else field(text.encode())


async def copy_stream(rows: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Write rows as a stream, some hundred kilobytes at a time.

    Parameters
    ----------
    rows
        One or more rows each, as the format has them: a count of fields, then the fields.
    """
    parts, size = [_HEADER], 0
    for row in rows:
        parts.append(row)
        size += len(row)
        if size > _BLOCK:
            yield b"".join(parts)
            parts, size = [], 0
    yield b"".join((*parts, _TRAILER))

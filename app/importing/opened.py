"""Files as streams of bytes: plain, gzip or zstd by their first bytes, or standard input."""

import gzip
import io
import sys
from pathlib import Path
from typing import IO, cast

import zstandard

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
STANDARD_INPUT = "-"


def open_read(path: str) -> IO[bytes]:
    """Open a file, or standard input for ``-``, as what it holds when decompressed."""
    if path != STANDARD_INPUT:
        with Path(path).open("rb") as file:
            head = file.read(4)
        if head.startswith(_GZIP):
            return cast("IO[bytes]", gzip.open(path, "rb"))
        return _unpacked(Path(path).open("rb"), head)
    raw = sys.stdin.buffer
    given = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", raw))
    head = given.peek(4)[:4]
    if head.startswith(_GZIP):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=given))
    return _unpacked(given, head)


def open_write(path: Path) -> IO[bytes]:
    """Open a file for writing, compressed as its name ends: .gz, .zst or neither."""
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "wb"))
    raw = path.open("wb")
    return zstandard.ZstdCompressor(level=3).stream_writer(raw) if path.suffix == ".zst" else raw


def _unpacked(file: IO[bytes], head: bytes) -> IO[bytes]:
    if not head.startswith(_ZSTD):
        return file
    stream = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
    return io.BufferedReader(cast("io.RawIOBase", stream))


def skip(stream: IO[bytes], count: int) -> None:
    """Leave out the first bytes of a stream.

    Raises
    ------
    ValueError
        There are not as many.
    """
    left = count
    while left:
        piece = stream.read(min(left, 1 << 20))
        if not piece:
            raise ValueError(f"the input ends {left} bytes before the place where the import stopped")
        left -= len(piece)

"""Rows of JSON files: one a line, or a JSON array of them, plain or compressed; a file is a slice."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import zstandard

from app.domain.documents import WriteMode
from app.domain.imports import PageEnd, SourceError
from app.domain.migration import SourceRow
from app.importing.json_stream import ObjectScanner
from app.importing.opened import STANDARD_INPUT, open_read, skip
from app.importing.source import Event

_PIECE = 1 << 20
_PAGE_ROWS = 500
_PAGE_BYTES = 8 << 20
_NOTHING = {b"", b"[", b"]", b"{}", b","}


class FileRows:
    """Rows of files.

    Parameters
    ----------
    kind
        Whose rows they are, such as ``vespa-files``.
    read_row
        Turns a row into a document.
    upsert_mode
        How a row replaces what is there.
    """

    def __init__(
        self, paths: Sequence[str], kind: str, read_row: Callable[[bytes], SourceRow], upsert_mode: WriteMode
    ) -> None:
        self._paths = tuple(paths)
        self._kind = kind
        self._read_row = read_row
        self.upsert_mode = upsert_mode

    @property
    def label(self) -> str:
        """The files."""
        return f"{self._kind} {' '.join(self._paths)}"

    @property
    def slices(self) -> int:
        """One per file."""
        return len(self._paths)

    def parameters(self) -> Mapping[str, Any]:
        """The files in order, with their sizes: another file of the same name is another run."""
        sizes = [None if path == STANDARD_INPUT else Path(path).stat().st_size for path in self._paths]
        return {"kind": self._kind, "paths": list(self._paths), "sizes": sizes}

    async def expected_rows(self) -> int | None:
        """Nobody knows before they are read."""
        return None

    def row(self, body: bytes) -> SourceRow:
        """Turn a row into a document."""
        return self._read_row(body)

    async def close(self) -> None:
        """Nothing stays open."""

    async def read(self, slice_number: int, position: str | None) -> AsyncIterator[Event]:
        """Read a file from a byte of its content on."""
        path = self._paths[slice_number]
        place = int(position or 0)
        try:
            stream = await asyncio.to_thread(open_read, path)
            if place:
                await asyncio.to_thread(skip, stream, place)
        except (OSError, ValueError, zlib.error, zstandard.ZstdError) as error:
            raise SourceError(f"{path}: {error}") from error
        rows = size = 0
        try:
            async for row, end in _rows(stream, place):
                yield row
                rows, size = rows + 1, size + len(row)
                if rows >= _PAGE_ROWS or size >= _PAGE_BYTES:
                    yield PageEnd(str(end), finished=False)
                    rows = size = 0
        except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
            raise SourceError(f"{path}: {error}") from error
        finally:
            if path != STANDARD_INPUT:
                stream.close()
        yield PageEnd(None, finished=True)


async def _rows(stream: IO[bytes], place: int) -> AsyncIterator[tuple[bytes, int]]:
    """Yield rows with the place where each one ends; ``place`` is where the stream begins."""
    head = await asyncio.to_thread(stream.read, _PIECE)
    first = next((line for line in (raw.strip() for raw in head.split(b"\n")) if line not in _NOTHING), b"")
    split = _by_object if first == b"{" else _by_line
    async for row, end in split(stream, head, place):
        yield row, end


async def _by_line(stream: IO[bytes], piece: bytes, place: int) -> AsyncIterator[tuple[bytes, int]]:
    """Split at line ends: one broken row spoils no other."""
    left = b""
    while piece:
        *lines, left = (left + piece).split(b"\n")
        for line in lines:
            place += len(line) + 1
            if (row := _bare(line)) not in _NOTHING:
                yield row, place
        piece = await asyncio.to_thread(stream.read, _PIECE)
    if (row := _bare(left)) not in _NOTHING:
        yield row, place + len(left)


async def _by_object(stream: IO[bytes], piece: bytes, place: int) -> AsyncIterator[tuple[bytes, int]]:
    """Split objects that go over several lines; what stands between them is a row that cannot be read."""
    scanner = ObjectScanner()
    while piece:
        for row, _, end in scanner.feed(piece):
            yield row, place + end
        piece = await asyncio.to_thread(stream.read, _PIECE)
    if (left := _bare(scanner.rest())) not in _NOTHING:
        yield left, place


def _bare(line: bytes) -> bytes:
    """Take a row out of the punctuation of an array."""
    row = line.strip()
    if row.startswith(b"[{"):
        row = row[1:]
    if row.endswith(b"}]"):
        row = row[:-1]
    return row.rstrip(b",").rstrip()

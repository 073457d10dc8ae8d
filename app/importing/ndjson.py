"""Our own files: one document a line after a header, closed by a line that says it is all there."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from typing_extensions import override

from app.domain.imports import PageEnd, SourceError
from app.domain.indexes import Index
from app.domain.interchange import FORMAT, VERSION, read_document, write_document
from app.domain.migration import RowRules
from app.importing.file_rows import FileRows
from app.importing.opened import STANDARD_INPUT, open_read, open_write
from app.importing.source import Event, load_object
from app.services.reading import ReadingService

_HEADER = b'{"format":"' + FORMAT.encode() + b'"'
_TRAILER = b'{"end":'
_SETTINGS = (
    "embedding_dimension", "language", "access_control", "rank_profile", "quantisation", "average_length",
    "background_cosine",
)  # fmt: skip


@dataclass(slots=True)
class Exported:
    """How much was written."""

    documents: int = 0
    chunks: int = 0


async def write_export(reading: ReadingService, index: Index, path: Path) -> Exported:
    """Write an index to a file, whole or not at all: the name appears when everything is in it."""
    done = Exported()
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    settings = {"name": index.name} | {name: getattr(index, name) for name in _SETTINGS}
    header = {"format": FORMAT, "version": VERSION, "index": settings}
    try:
        with open_write(partial) as file:
            file.write(orjson.dumps(header, option=orjson.OPT_APPEND_NEWLINE))
            rows = await reading.export(index.tenant_id, index.name, None, chunks=True, embeddings=True)
            async for row, chunks in rows:
                file.write(orjson.dumps(write_document(row, chunks, embeddings=True), option=orjson.OPT_APPEND_NEWLINE))
                done.documents += 1
                done.chunks += len(chunks or ())
            trailer = {"end": True, "documents": done.documents, "chunks": done.chunks}
            file.write(orjson.dumps(trailer, option=orjson.OPT_APPEND_NEWLINE))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return done


def read_header(path: str) -> dict[str, Any] | None:
    """Return what an export says of its index; None for a file without a header, or standard input."""
    if path == STANDARD_INPUT:
        return None
    try:
        with open_read(path) as file:
            line = file.readline(1 << 16)
    except OSError as error:
        raise SourceError(f"{path}: {error}") from error
    if not line.startswith(_HEADER):
        return None
    header = orjson.loads(line)
    if header.get("version") != VERSION:
        raise SourceError(f"{path}: version {header.get('version')} is not known here, only {VERSION}.")
    settings: dict[str, Any] = header["index"]
    return settings


class ExportFiles(FileRows):
    """Documents of our own exports, or of GET /documents?ndjson=true, which have no header."""

    def __init__(self, paths: list[str], rules: RowRules) -> None:
        super().__init__(paths, "export", lambda body: read_document(load_object(body), rules), "replace")

    @override
    async def read(self, slice_number: int, position: str | None) -> AsyncIterator[Event]:
        """Read a file; one that begins with a header must have its end."""
        headed = position is not None and read_header(self._paths[slice_number]) is not None
        ended = False
        async for event in super().read(slice_number, position):
            if isinstance(event, bytes) and event.startswith(_HEADER):
                headed = True
            elif isinstance(event, bytes) and event.startswith(_TRAILER):
                ended = True
            else:
                if isinstance(event, PageEnd) and event.finished and headed and not ended:
                    raise SourceError(f"{self._paths[slice_number]}: the export broke off, its last line is missing.")
                yield event

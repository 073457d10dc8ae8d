"""The real ids of documents, of which Vespa keeps a spelling without quotes."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

from app.domain.imports import SourceError
from app.domain.migration import RealIds, real_ids, sanitised
from app.importing.opened import open_read
from app.importing.source import load_json


class KnownDocuments(Protocol):
    """A list of documents that ought to be there."""

    def read(self) -> AsyncIterator[tuple[str, int | None]]:
        """Yield ids, with chunk counts where they are known."""


class IdFile:
    """Ids in a file, one a line; a line that begins with ``"`` is a JSON string."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def read(self) -> AsyncIterator[tuple[str, int | None]]:
        """Yield the ids; nothing is known of their chunks."""
        try:
            with open_read(str(self._path)) as file:
                for line in file:
                    name = line.rstrip(b"\r\n")
                    if name:
                        yield (str(load_json(name)) if name.startswith(b'"') else name.decode()), None
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"{self._path}: {error}") from error


async def find_real_ids(known: KnownDocuments) -> RealIds:
    """Read the list twice; only ids with ``'`` are held in memory."""
    quoted = [name async for name, _ in known.read() if "'" in name]
    spellings = {sanitised(name) for name in quoted}
    existing = {name async for name, _ in known.read() if name in spellings} if quoted else set()
    return real_ids(quoted, existing)

"""Engines that are read over HTTP: slices of pages, asked for one after another, those that broke off again."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx
import orjson

from app.domain.documents import WriteMode
from app.domain.imports import PageEnd, SourceError
from app.importing.http_pages import Connection, Patience, TransientError, check_status, describe, give_in, open_client
from app.importing.json_stream import ArrayStream
from app.importing.source import Event, PageRestart

_CLIENT_SECONDS = 120.0
_PIECE = 256 * 1024
"""Bytes that are read at once."""

_MOST_IDLE_PAGES = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """What came of a page: where it begins, how many rows, the last of them, and the answer without them."""

    position: str | None
    rows: int
    last: bytes
    answer: dict[str, Any]


class PagedSource(ABC):
    """Rows of one engine: the requests are the engine's own, the patience with them is the same."""

    upsert_mode: WriteMode = "merge"
    _array: ClassVar[str]
    """The name of the array that holds the rows of an answer."""

    def __init__(self, connection: Connection, slices: int, patience: Patience) -> None:
        self._http = open_client(connection, read_timeout=_CLIENT_SECONDS)
        self._slices = slices
        self._patience = patience

    @property
    def slices(self) -> int:
        """As many as were asked for."""
        return self._slices

    async def read(self, slice_number: int, position: str | None) -> AsyncIterator[Event]:
        """Read a slice from a position on.

        Raises
        ------
        SourceError
            The engine will not, fails again and again, or does not get on.
        """
        failures = idle = 0
        while True:
            stream, rows, last = ArrayStream(self._array), 0, b""
            try:
                async for row in self._rows(stream, slice_number, position):
                    rows, last = rows + 1, row
                    yield row
                end = self._end(slice_number, Page(position, rows, last, _answer(stream.rest)))
            except (httpx.TransportError, TransientError) as error:
                failures += 1
                yield PageRestart(describe(error))
                await give_in(self._patience, failures, error)
                continue
            yield end
            if end.finished:
                return
            failures = 0
            idle = idle + 1 if not rows and end.position == position else 0
            if idle > _MOST_IDLE_PAGES:
                raise SourceError(f"Slice {slice_number} does not get on: {idle} empty pages with one token.")
            position = end.position

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _objects(self, response: httpx.Response, stream: ArrayStream, what: str) -> AsyncIterator[bytes]:
        """Take the rows out of an answer as it arrives."""
        await check_status(response, what)
        async for row in stream.objects(response.aiter_bytes(_PIECE)):
            yield row

    @abstractmethod
    def _rows(self, stream: ArrayStream, slice_number: int, position: str | None) -> AsyncIterator[bytes]:
        """Ask for the page at a position, and give its rows; what another try may mend is a TransientError."""

    @abstractmethod
    def _end(self, slice_number: int, page: Page) -> PageEnd:
        """Make sure that a page is whole, else raise a TransientError; say where the next one begins."""


def _answer(rest: bytes) -> dict[str, Any]:
    try:
        answer = orjson.loads(rest)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        raise TransientError("The page broke off.")
    return answer

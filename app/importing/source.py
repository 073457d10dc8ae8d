"""What an import reads from: slices, each a stream of rows in pages, taken up at any page."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from app.domain.documents import WriteMode
from app.domain.imports import PageEnd
from app.domain.migration import Fields, RowRejectedError, SourceRow


@dataclass(frozen=True, slots=True)
class PageRestart:
    """The page broke off: its rows come again, those that came do not count."""

    cause: str


Event = bytes | PageEnd | PageRestart
"""A row as the source wrote it, the end of a page, or its beginning anew."""


class Source(Protocol):
    """An engine or files. Its rows are read in slices, which do not depend on each other."""

    @property
    def label(self) -> str:
        """What people know it by, without secrets."""

    @property
    def slices(self) -> int:
        """How many there are; the same for as long as a run lasts."""

    @property
    def upsert_mode(self) -> WriteMode:
        """How rows replace what is there: "merge" where a row is a chunk, "replace" where it is a document."""

    def parameters(self) -> Mapping[str, Any]:
        """What must be the same for a run to be taken up again."""

    async def expected_rows(self) -> int | None:
        """Return about how many rows there are, if the source can tell."""

    def read(self, slice_number: int, position: str | None) -> AsyncIterator[Event]:
        """Read a slice from a position on."""

    def row(self, body: bytes) -> SourceRow:
        """Turn a row into a document; raises RowRejectedError or RowSkippedError."""

    async def close(self) -> None:
        """Let go of connections and files."""


def load_json(body: bytes) -> Any:  # noqa: ANN401  JSON
    """Parse a row, lone surrogates and NaN included: what is to be thought of them is decided field by field."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RowRejectedError("unreadable_row", f"The row is no JSON: {error}.") from None


def load_object(body: bytes, name: str | None = None) -> Fields:
    """Parse a row that is an object, or take an object out of it."""
    found = load_json(body)
    if name is not None and isinstance(found, dict):
        found = found.get(name)
    if not isinstance(found, dict):
        raise RowRejectedError("unreadable_row", "The row is no object." if name is None else f"There is no {name}.")
    return found

"""OpenSearch, live: a point in time read by search_after, in slices.

Source: "Point in Time API" in OpenSearch's documentation. A point in time that expired is opened anew and
reading goes on after the last row; rows are ordered by what identifies them, so none is left out between.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
from typing_extensions import override

from app.domain.imports import PageEnd, SourceError
from app.domain.migration import RowRules, SourceRow
from app.domain.migration_opensearch import VECTORS, lacks_vector, read_row
from app.importing.http_pages import Connection, Patience, TransientError, get_json
from app.importing.json_stream import ArrayStream
from app.importing.paging import Page, PagedSource
from app.importing.row_json import RowParser
from app.importing.source import load_object

_KEEP_ALIVE = "5m"
_ORDER = ({"document_id": "asc"}, {"chunk_index": "asc"}, {"max_chunk_size": "asc"})
_NOT_FOUND = 404
_VECTOR_TRIES = 3


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """What is read."""

    index: str
    slices: int = 2
    page_size: int = 500
    patience: Patience = field(default_factory=Patience)


class OpenSearchScan(PagedSource):
    """Rows of one OpenSearch index."""

    _array = "hits"

    def __init__(self, connection: Connection, options: ScanOptions, rules: RowRules) -> None:
        super().__init__(connection, options.slices, options.patience)
        self._connection = connection
        self._options = options
        self._rules = rules
        self._points: dict[int, str] = {}
        self._parser = RowParser("_source", *VECTORS)

    @property
    def label(self) -> str:
        """The address and the index."""
        return f"opensearch {self._connection.url} {self._options.index}"

    def parameters(self) -> Mapping[str, Any]:
        """What positions belong to."""
        return {
            "kind": "opensearch",
            "url": self._connection.url,
            "index": self._options.index,
            "slices": self._options.slices,
            "source_tenant": self._rules.source_tenant,
        }

    async def expected_rows(self) -> int | None:
        """Make what was written visible, and count."""
        await self._ask("POST", f"/{self._options.index}/_refresh")
        answer = await self._ask("POST", f"/{self._options.index}/_count", {"query": self._query()})
        count = answer.get("count")
        return count if isinstance(count, int) else None

    def row(self, body: bytes) -> SourceRow:
        """Turn a hit into a document of ours."""
        return read_row(self._parser.fields(body), self._rules)

    @override
    async def close(self) -> None:
        """Close what is open."""
        for slice_number in list(self._points):
            await self._close_point(slice_number)
        await super().close()

    @override
    async def _rows(self, stream: ArrayStream, slice_number: int, position: str | None) -> AsyncIterator[bytes]:
        body: dict[str, Any] = {
            "size": self._options.page_size,
            "query": self._query(),
            "sort": list(_ORDER),
            "track_total_hits": False,
            "pit": {"id": await self._point(slice_number), "keep_alive": _KEEP_ALIVE},
        }
        if position is not None:
            body["search_after"] = orjson.loads(position)
        if self._options.slices > 1:
            body["slice"] = {"id": slice_number, "max": self._options.slices}
        async with self._http.stream("POST", "/_search", json=body) as response:
            if response.status_code == _NOT_FOUND and b"search_context_missing" in await response.aread():
                del self._points[slice_number]
                raise TransientError("The point in time expired.")
            async for hit in self._objects(response, stream, f"search in slice {slice_number}"):
                yield await self._with_vector(hit)

    async def _with_vector(self, hit: bytes) -> bytes:
        """Ask once more for a row that came without its vector."""
        if b'"content_vector":[' in hit:
            return hit
        found = load_object(hit)
        for _ in range(_VECTOR_TRIES):
            if not lacks_vector(found.get("_source") or {}):
                break
            answer = await self._ask("POST", f"/{found['_index']}/_mget", {"ids": [found["_id"]]})
            again = answer.get("docs")
            if isinstance(again, list) and again and isinstance(again[0].get("_source"), dict):
                found = {**found, "_source": again[0]["_source"]}
        return orjson.dumps(found)

    @override
    def _end(self, slice_number: int, page: Page) -> PageEnd:
        failed = page.answer.get("_shards", {}).get("failed", 0)
        if page.answer.get("timed_out") or failed:
            raise TransientError(f"The page is partial: timed out, or {failed} shards failed.")
        self._points[slice_number] = page.answer.get("pit_id") or self._points[slice_number]
        if not page.rows:
            return PageEnd(None, finished=True)
        return PageEnd(orjson.dumps(load_object(page.last)["sort"]).decode(), finished=False)

    def _query(self) -> dict[str, Any]:
        if self._rules.source_tenant is None:
            return {"match_all": {}}
        return {"term": {"tenant_id": self._rules.source_tenant}}

    async def _point(self, slice_number: int) -> str:
        if slice_number not in self._points:
            path = f"/{self._options.index}/_search/point_in_time"
            answer = await get_json(
                self._http, "POST", path, self._options.patience, parameters={"keep_alive": _KEEP_ALIVE}
            )
            if not isinstance(answer.get("pit_id"), str):
                raise SourceError(f"POST {path}: no pit_id came.")
            self._points[slice_number] = str(answer["pit_id"])
        return self._points[slice_number]

    async def _close_point(self, slice_number: int) -> None:
        point = self._points.pop(slice_number, None)
        if point is None:
            return
        try:
            await self._http.request("DELETE", "/_search/point_in_time", json={"pit_id": [point]})
        except httpx.HTTPError:
            return  # it expires by itself

    async def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        return await get_json(self._http, method, path, self._options.patience, body=body)

"""Vespa, live: document/v1 visits in slices.

Source: "Document/v1 API reference" in Vespa's documentation. A page may be larger or smaller than asked
for, and empty with more to come; only a missing continuation ends a slice. Tokens belong to the number of
slices and the selection.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

from app.domain.imports import PageEnd, SourceError
from app.domain.migration import RowRules, SourceRow
from app.domain.migration_vespa import FIELDS, TENSORS, read_row
from app.importing.http_pages import Connection, Patience, RefusedError, TransientError, get_json
from app.importing.json_stream import ArrayStream
from app.importing.paging import Page, PagedSource
from app.importing.row_json import RowParser

_SERVER_SECONDS = 110


@dataclass(frozen=True, slots=True)
class VisitOptions:
    """What is visited. ``selection`` None takes all but large chunks, of the one tenant if there is one."""

    schema: str
    namespace: str = "default"
    slices: int = 4
    page_size: int = 500
    selection: str | None = None
    patience: Patience = field(default_factory=Patience)


def vespa_rows(rules: RowRules) -> Callable[[bytes], SourceRow]:
    """Return what turns Vespa's documents into ours, as visits and files of visits have them."""
    parser = RowParser("fields", *TENSORS)
    return lambda body: read_row(parser.fields(body), rules)


class VespaVisit(PagedSource):
    """Rows of one Vespa schema."""

    _array = "documents"

    def __init__(self, connection: Connection, options: VisitOptions, rules: RowRules) -> None:
        super().__init__(connection, options.slices, options.patience)
        self._connection = connection
        self._options = options
        self._rules = rules
        self._path = f"/document/v1/{options.namespace}/{options.schema}/docid"
        self._fields: tuple[str, ...] = ()
        self.row = vespa_rows(rules)
        self.selection = options.selection or _selection(options.schema, rules.source_tenant)

    @property
    def label(self) -> str:
        """The address and the schema."""
        return f"vespa {self._connection.url} {self._options.schema}"

    def parameters(self) -> Mapping[str, Any]:
        """What tokens belong to."""
        return {
            "kind": "vespa",
            "url": self._connection.url,
            "schema": self._options.schema,
            "namespace": self._options.namespace,
            "slices": self._options.slices,
            "selection": self.selection,
            "source_tenant": self._rules.source_tenant,
        }

    async def expected_rows(self) -> int | None:
        """Ask the search side how many rows there are: large chunks and other tenants' are among them."""
        query = f"select documentid from {self._options.schema} where true limit 0"  # noqa: S608  YQL, read only
        parameters = {"yql": query, "ranking.profile": "unranked", "timeout": "30s"}
        try:
            answer = await get_json(self._http, "GET", "/search/", Patience(2, 0.2), parameters=parameters)
        except SourceError:
            return None  # a container may serve visits alone
        root = answer.get("root")
        count = root.get("fields", {}).get("totalCount") if isinstance(root, dict) else None
        return count if isinstance(count, int) else None

    async def _known_fields(self) -> tuple[str, ...]:
        """Ask for the tenant wherever there are tenants: rows of several must not come in as those of one."""
        parameters = {"fieldSet": f"{self._options.schema}:tenant_id", "wantedDocumentCount": "1", "timeout": "10s"}
        try:
            await get_json(self._http, "GET", self._path, self._options.patience, parameters=parameters)
        except RefusedError:
            if self._rules.source_tenant is not None:
                raise
            return FIELDS
        return (*FIELDS, "tenant_id")

    @override
    async def _rows(self, stream: ArrayStream, slice_number: int, position: str | None) -> AsyncIterator[bytes]:
        self._fields = self._fields or await self._known_fields()
        parameters = {
            "selection": self.selection,
            "fieldSet": f"{self._options.schema}:{','.join(self._fields)}",
            "wantedDocumentCount": str(self._options.page_size),
            "format.tensors": "short-value",
            "slices": str(self._options.slices),
            "sliceId": str(slice_number),
            "timeout": f"{_SERVER_SECONDS}s",
        } | ({} if position is None else {"continuation": position})
        async with self._http.stream("GET", self._path, params=parameters) as response:
            async for row in self._objects(response, stream, f"visit of slice {slice_number}"):
                yield row

    @override
    def _end(self, slice_number: int, page: Page) -> PageEnd:
        answer = page.answer
        if answer.get("documentCount", page.rows) != page.rows:
            raise TransientError(f"The page has {page.rows} rows and says it has {answer['documentCount']}.")
        if "documents" not in answer:
            raise TransientError(f"The page has no documents: {answer.get('message')}")
        token = answer.get("continuation")
        following = token if isinstance(token, str) and token else None
        return PageEnd(following, finished=following is None)


def _selection(schema: str, tenant: str | None) -> str:
    regular = f"{schema}.large_chunk_reference_ids == null"
    if tenant is None:
        return regular
    quoted = tenant.replace("\\", "\\\\").replace("'", "\\'")
    return f"{regular} and {schema}.tenant_id=='{quoted}'"

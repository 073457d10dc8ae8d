"""The blocking client: one pool of connections, safe to share between threads."""

import time
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from onyx_vector_search import calls
from onyx_vector_search.answers import (
    Changed,
    Emptied,
    Index,
    Indexed,
    RawChunk,
    Ready,
    SearchAnswer,
    StoredChunk,
    StoredDocument,
)
from onyx_vector_search.calls import Call
from onyx_vector_search.models import (
    Document,
    Filters,
    IndexSettings,
    Search,
    Section,
    Update,
    WriteMode,
    Writer,
)
from onyx_vector_search.patience import Attempts
from onyx_vector_search.transport import (
    PUBLIC_TENANT,
    Options,
    after_answer,
    after_failure,
    http_options,
    prepare,
)
from onyx_vector_search.writing import Destination, Plan, plan_writes

T = TypeVar("T")


class Client:
    """Speaks to the service for one tenant. Making one does no I/O.

    Parameters
    ----------
    base_url
        Such as ``http://vector-search:8080``.
    api_key
        Sent as a bearer token.
    tenant_id
        Whose indexes; `for_tenant` makes a client of another one on the same connections.
    transport
        For tests.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        tenant_id: str = PUBLIC_TENANT,
        options: Options | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.tenant_id = tenant_id
        self._options = options or Options()
        arguments: dict[str, Any] = http_options(base_url, api_key, self._options)
        self._http = httpx.Client(transport=transport, **arguments)

    def for_tenant(self, tenant_id: str) -> "Client":
        """Return a client of another tenant that shares the connections."""
        other = object.__new__(type(self))
        other.tenant_id, other._options, other._http = tenant_id, self._options, self._http
        return other

    def close(self) -> None:
        """Close the connections, those of clients for other tenants included."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, call: Call[T]) -> T:
        """Carry out a call, again if that may help and patience allows.

        Raises
        ------
        VectorSearchError
            The service refused, failed or was not to be reached.
        httpx.ReadTimeout
            The request was sent and no answer came in time.
        """
        attempts = Attempts(self._options.patience, call.purpose)
        request = prepare(call, self.tenant_id, self._options)
        while True:
            wait: float | None
            try:
                response = self._http.request(
                    request.method,
                    request.path,
                    params=request.params,
                    headers=request.headers,
                    content=request.content,
                    timeout=attempts.timeout(),
                )
            except httpx.TransportError as error:
                wait = after_failure(attempts, error)
            else:
                wait = after_answer(attempts, response)
                if wait is None:
                    return call.read(response.content)
            time.sleep(wait)

    def put_index(self, name: str, settings: IndexSettings, *, reset: bool = False) -> Index:
        """Create an index, or make sure that it is what is asked for; ``reset`` drops one that differs."""
        return self.send(calls.put_index(name, settings, reset=reset))

    def list_indexes(self) -> list[Index]:
        """List the tenant's indexes."""
        return self.send(calls.list_indexes())

    def get_index(self, name: str) -> Index:
        """Show an index and what it holds."""
        return self.send(calls.get_index(name))

    def delete_index(self, name: str) -> None:
        """Drop an index with all it holds."""
        self.send(calls.delete_index(name))

    def empty_index(self, name: str, limit: int = 10_000) -> Emptied:
        """Delete up to some number of documents."""
        return self.send(calls.empty_index(name, limit))

    def index_documents(
        self,
        documents: Iterable[Document],
        *,
        index: str | None = None,
        mode: WriteMode = "replace",
        written_by: Writer = "index",
    ) -> list[Indexed]:
        """Write documents, each as a whole; iterators are read once and never held in memory."""
        to = Destination(index, mode, written_by, self._options.part_bytes)
        return self._carry_out(plan_writes(to, documents))

    def update_documents(self, updates: Sequence[Update], *, index: str | None = None) -> list[Changed]:
        """Change metadata: None leaves a field, an empty list clears it."""
        return self.send(calls.patch_documents(index, updates))

    def delete_documents(
        self,
        document_ids: Sequence[str],
        *,
        index: str | None = None,
        written_by: Writer | None = None,
        version: int | None = None,
    ) -> list[Changed]:
        """Delete documents; those that are not there are no error, those known in a later version stay."""
        return self.send(calls.delete_documents(index, document_ids, written_by, version))

    def get_document(self, document_id: str, *, index: str | None = None, embeddings: bool = False) -> StoredDocument:
        """Show a document as it is stored, whoever may read it."""
        return self.send(calls.get_document(index, document_id, embeddings=embeddings))

    def list_documents(
        self,
        *,
        index: str | None = None,
        chunks: bool = False,
        embeddings: bool = False,
        page_size: int = 100,
    ) -> Iterator[StoredDocument]:
        """Go through every document, a page at a time."""
        cursor: str | None = None
        while True:
            page = self.send(calls.list_documents(index, cursor, page_size, chunks=chunks, embeddings=embeddings))
            yield from page.documents
            cursor = page.next_cursor
            if cursor is None:
                return

    def retrieve_chunks(
        self,
        sections: Sequence[Section],
        filters: Filters,
        *,
        index: str | None = None,
        include_hidden: bool = False,
    ) -> list[StoredChunk]:
        """Look up sections, in their order and then that of the chunks."""
        return self.send(calls.retrieve_chunks(index, sections, filters, include_hidden=include_hidden))

    def scan_chunks(
        self,
        document_ids: Sequence[str],
        *,
        index: str | None = None,
        embeddings: bool = False,
        page_size: int = 1000,
    ) -> Iterator[list[RawChunk]]:
        """Read raw chunks by document id and chunk, whoever may read them, a page at a time."""
        cursor: str | None = None
        while True:
            page = self.send(calls.scan_chunks(index, document_ids, cursor, page_size, embeddings=embeddings))
            if page.chunks:
                yield page.chunks
            cursor = page.next_cursor
            if cursor is None:
                return

    def search(self, query: Search, *, index: str | None = None) -> SearchAnswer:
        """Search."""
        return self.send(calls.search(index, query))

    def ready(self) -> Ready:
        """Ask whether the service answers; raises if not."""
        return self.send(calls.ready())

    def _carry_out(self, plan: Plan) -> list[Indexed]:
        try:
            call = next(plan)
            while True:
                try:
                    answer = self.send(call)
                except Exception as error:  # noqa: BLE001  the plan tidies up and raises it again
                    call = plan.throw(error)
                else:
                    call = plan.send(answer)
        except StopIteration as end:
            results: list[Indexed] = end.value
            return results

"""One index of this service as an Onyx DocumentIndex."""

from collections.abc import Iterable
from threading import Lock

import httpx
from onyx.context.search.enums import QueryType
from onyx.context.search.models import IndexFilters, InferenceChunk
from onyx.db.enums import EmbeddingPrecision
from onyx.document_index.chunk_content_enrichment import cleanup_content_for_chunks
from onyx.document_index.interfaces_new import (
    DocumentIndex,
    DocumentInsertionRecord,
    DocumentSectionRequest,
    IndexingMetadata,
    MetadataUpdateRequest,
    TenantState,
)
from onyx.document_index.opensearch.client import OpenSearchIndexWriteBlockedError
from onyx.indexing.models import DocMetadataAwareIndexChunk
from onyx.utils.logger import setup_logger
from onyx.utils.text_processing import remove_invalid_unicode_chars
from shared_configs.model_server_models import Embedding

from onyx_vector_search.adapter.conversion import from_chunk, to_documents, to_sections, to_update
from onyx_vector_search.adapter.filters import to_filters
from onyx_vector_search.adapter.port import PgVectorChunkReader, PgVectorChunkWriter
from onyx_vector_search.client import Client
from onyx_vector_search.errors import (
    DocumentMissingError,
    IndexNotFoundError,
    ReadOnlyError,
    StorageFullError,
)
from onyx_vector_search.models import IndexSettings, Search
from onyx_vector_search.transport import PUBLIC_TENANT

logger = setup_logger()

_SECTIONS_PER_REQUEST = 1000

_verified: set[tuple[str, str]] = set()
_verified_lock = Lock()


class PgVectorDocumentIndex(DocumentIndex):
    """The chunks of one embedding model, for one tenant. Making one does no I/O.

    Onyx makes one per request and per task, and calls it from threads; it keeps no state of its own.

    Parameters
    ----------
    tenant_state
        Whose index this is; filters are not asked.
    index_name
        As Onyx's search settings name it.
    embedding_dim
        Of an index that has to be made.
    embedding_precision
        Taken for the interface's sake: the service stores what its vector index needs.
    client
        Shared by all.
    """

    def __init__(
        self,
        tenant_state: TenantState,
        index_name: str,
        embedding_dim: int,
        embedding_precision: EmbeddingPrecision,
        client: Client,
    ) -> None:
        self._tenant_state = tenant_state
        self._index_name = index_name
        self._embedding_dim = embedding_dim
        self._embedding_precision = embedding_precision
        self._client = client.for_tenant(tenant_state.tenant_id if tenant_state.multitenant else PUBLIC_TENANT)
        self._writer = PgVectorChunkWriter(self._client, index_name)

    def verify_and_create_index_if_necessary(
        self,
        embedding_dim: int,
        embedding_precision: EmbeddingPrecision,  # noqa: ARG002  the interface's
    ) -> None:
        """Make the index if it is not there.

        Raises
        ------
        IndexMismatchError
            It is there with another dimension.
        OpenSearchIndexWriteBlockedError
            It is there and the database takes no writes: searches work, which start-up settles for.
        ReadOnlyError
            It is not there and cannot be made.
        """
        try:
            self._client.put_index(
                self._index_name, IndexSettings(embedding_dimension=embedding_dim, access_control=True)
            )
        except ReadOnlyError as error:
            try:
                self._client.get_index(self._index_name)
            except IndexNotFoundError:
                raise error from None
            raise OpenSearchIndexWriteBlockedError(
                f"The database of index {self._index_name} takes no writes."
            ) from error

    def drop(self) -> None:
        """Drop the index with all it holds; one that is not there is no error."""
        try:
            self._client.delete_index(self._index_name)
        except IndexNotFoundError:
            logger.debug("Index %s was not there to be dropped.", self._index_name)

    def index(
        self,
        chunks: Iterable[DocMetadataAwareIndexChunk],
        indexing_metadata: IndexingMetadata,  # noqa: ARG002  the ids are taken from the chunks
    ) -> list[DocumentInsertionRecord]:
        """Replace each document by the chunks that come, as a whole.

        The metadata names the whole batch even when Onyx retries a single document of it, so it says nothing
        about what comes; the service finds out itself what a document had before.

        Raises
        ------
        httpx.HTTPStatusError
            With status 507 when the database is full, which Onyx explains to its operators.
        """
        self._make_for_tenant()
        try:
            results = self._client.index_documents(to_documents(chunks), index=self._index_name)
        except StorageFullError as error:
            raise httpx.HTTPStatusError(str(error), request=error.response.request, response=error.response) from error
        except IndexNotFoundError:
            with _verified_lock:
                _verified.discard(self._key)
            raise
        return [
            DocumentInsertionRecord(document_id=result.document_id, already_existed=result.already_existed)
            for result in results
        ]

    def delete(self, document_id: str, chunk_count: int | None = None) -> int:  # noqa: ARG002  the interface's
        """Delete a document; return how many chunks it had."""
        try:
            (change,) = self._client.delete_documents([document_id], index=self._index_name)
        except IndexNotFoundError:
            if not self._tenant_state.multitenant:
                raise
            return 0
        return change.chunk_count

    def update(self, update_requests: list[MetadataUpdateRequest], *, surface_document_missing: bool = False) -> None:
        """Change metadata by document id, whatever the chunk counts say.

        Raises
        ------
        DocumentMissingError
            If that is asked for: documents that should have chunks have none. A count of 0, or one that is
            not known, promises none; reporting those would hold up a model change for what never comes.
        """
        requests = [(request, to_update(request)) for request in update_requests]
        updates = [update for _, update in requests if update is not None]
        if len(updates) < len(requests):
            logger.warning("%s update(s) name no field: nothing to do.", len(requests) - len(updates))
        if not updates:
            return
        found: set[str] = set()
        try:
            changes = self._client.update_documents(updates, index=self._index_name)
            found = {change.document_id for change in changes if change.found}
        except IndexNotFoundError:
            if not self._tenant_state.multitenant:
                raise
        missing = {
            document_id
            for request, update in requests
            if update is not None
            for document_id in request.document_ids
            if document_id not in found and request.doc_id_to_chunk_cnt.get(document_id, -1) > 0
        }
        if missing and surface_document_missing:
            raise DocumentMissingError(sorted(missing))

    def id_based_retrieval(
        self,
        chunk_requests: list[DocumentSectionRequest],
        filters: IndexFilters,
        batch_retrieval: bool = False,  # noqa: ARG002, FBT001, FBT002  the interface's
    ) -> list[InferenceChunk]:
        """Return sections, in the order of the requests and then of the chunks; never cut off."""
        sections = to_sections(chunk_requests)
        wanted = to_filters(filters, forced_sets=False)
        found: list[InferenceChunk] = []
        for start in range(0, len(sections), _SECTIONS_PER_REQUEST):
            some = sections[start : start + _SECTIONS_PER_REQUEST]
            try:
                chunks = self._client.retrieve_chunks(some, wanted, index=self._index_name)
            except IndexNotFoundError:
                if not self._tenant_state.multitenant:
                    raise
                return []
            found += cleanup_content_for_chunks([from_chunk(chunk) for chunk in chunks])
        return found

    def hybrid_retrieval(  # noqa: PLR0913, PLR0917  the interface's
        self,
        query: str,
        query_embedding: Embedding,
        final_keywords: list[str] | None,
        query_type: QueryType,
        filters: IndexFilters,
        num_to_retrieve: int,
    ) -> list[InferenceChunk]:
        """Search by words and by meaning; the kind of query decides which counts for more."""
        text = " ".join(final_keywords) if final_keywords else query
        return self._search(
            Search(
                mode="hybrid",
                query=remove_invalid_unicode_chars(text),
                embedding=query_embedding,
                query_type="keyword" if query_type == QueryType.KEYWORD else "semantic",
                filters=to_filters(filters),
                limit=num_to_retrieve,
            )
        )

    def keyword_retrieval(
        self,
        query: str,
        filters: IndexFilters,
        num_to_retrieve: int,
        include_hidden: bool = False,  # noqa: FBT001, FBT002  the interface's
    ) -> list[InferenceChunk]:
        """Search by words."""
        return self._search(
            Search(
                mode="keyword",
                query=remove_invalid_unicode_chars(query),
                filters=to_filters(filters),
                limit=num_to_retrieve,
                include_hidden=include_hidden,
            )
        )

    def semantic_retrieval(
        self, query_embedding: Embedding, filters: IndexFilters, num_to_retrieve: int
    ) -> list[InferenceChunk]:
        """Search by meaning; the score of an identical vector is 1."""
        return self._search(
            Search(mode="semantic", embedding=query_embedding, filters=to_filters(filters), limit=num_to_retrieve)
        )

    def random_retrieval(
        self,
        filters: IndexFilters,
        num_to_retrieve: int = 10,
        dirty: bool | None = None,  # noqa: ARG002, FBT001  the interface's
    ) -> list[InferenceChunk]:
        """Return chunks by lot."""
        return self._search(Search(mode="random", filters=to_filters(filters), limit=num_to_retrieve))

    def reader(self) -> PgVectorChunkReader:
        """Return what a model change reads this index with."""
        return PgVectorChunkReader(self._client, self._index_name, self._tenant_state)

    @property
    def writer(self) -> PgVectorChunkWriter:
        """What a model change writes this index with."""
        return self._writer

    def _search(self, query: Search) -> list[InferenceChunk]:
        if query.limit <= 0:
            return []
        try:
            answer = self._client.search(query, index=self._index_name)
        except IndexNotFoundError:
            if not self._tenant_state.multitenant:
                raise
            return []
        return cleanup_content_for_chunks(
            [from_chunk(hit, score=hit.score, highlights=hit.highlights) for hit in answer.hits]
        )

    @property
    def _key(self) -> tuple[str, str]:
        return self._client.tenant_id, self._index_name

    def _make_for_tenant(self) -> None:
        """Make a tenant's index at its first write from this process: nothing else in Onyx would."""
        if not self._tenant_state.multitenant or self._key in _verified:
            return
        self.verify_and_create_index_if_necessary(self._embedding_dim, self._embedding_precision)
        with _verified_lock:
            _verified.add(self._key)

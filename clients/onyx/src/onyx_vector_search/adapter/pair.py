"""The index in use, and beside it the one a model change is filling."""

from collections.abc import Iterable

from onyx.context.search.enums import QueryType
from onyx.context.search.models import IndexFilters, InferenceChunk
from onyx.db.enums import EmbeddingPrecision
from onyx.document_index.interfaces_new import (
    DocumentIndex,
    DocumentInsertionRecord,
    DocumentSectionRequest,
    IndexingMetadata,
    MetadataUpdateRequest,
    SecondaryIndexDocumentMissingError,
)
from onyx.indexing.models import DocMetadataAwareIndexChunk
from shared_configs.model_server_models import Embedding

from onyx_vector_search.adapter.index import PgVectorDocumentIndex
from onyx_vector_search.errors import DocumentMissingError


class PgVectorIndexPair(DocumentIndex):
    """Reads and indexing go to the primary; deletes, updates and verification to both.

    Parameters
    ----------
    primary
        The index in use.
    secondary
        The one that is being filled; with it come the dimension and precision to verify it with.
    secondary_embedding_dim
        As said.
    secondary_embedding_precision
        As said.
    primary_backfill_in_progress
        The primary was put to use before it was filled: what it lacks is reported as for the secondary.
    secondary_is_new
        The secondary was only just decided on: verification drops what an earlier use of its name left.
    """

    def __init__(  # noqa: PLR0913  the shape of Onyx's own pair
        self,
        primary: PgVectorDocumentIndex,
        secondary: PgVectorDocumentIndex | None,
        secondary_embedding_dim: int | None = None,
        secondary_embedding_precision: EmbeddingPrecision | None = None,
        *,
        primary_backfill_in_progress: bool = False,
        secondary_is_new: bool = False,
    ) -> None:
        given = {value is not None for value in (secondary, secondary_embedding_dim, secondary_embedding_precision)}
        if len(given) > 1:
            raise ValueError("A secondary index comes with its dimension and precision, or not at all.")
        self._primary = primary
        self._secondary = secondary
        self._secondary_embedding_dim = secondary_embedding_dim
        self._secondary_embedding_precision = secondary_embedding_precision
        self._primary_backfill_in_progress = primary_backfill_in_progress
        self._secondary_is_new = secondary_is_new

    @property
    def primary(self) -> PgVectorDocumentIndex:
        """The index in use."""
        return self._primary

    @property
    def secondary(self) -> PgVectorDocumentIndex | None:
        """The index that is being filled, if any."""
        return self._secondary

    def verify_and_create_index_if_necessary(self, embedding_dim: int, embedding_precision: EmbeddingPrecision) -> None:
        """Make what is not there; the arguments are the primary's."""
        self._primary.verify_and_create_index_if_necessary(embedding_dim, embedding_precision)
        if (
            self._secondary is None
            or self._secondary_embedding_dim is None
            or self._secondary_embedding_precision is None
        ):
            return
        if self._secondary_is_new:
            self._secondary.drop()
        self._secondary.verify_and_create_index_if_necessary(
            self._secondary_embedding_dim, self._secondary_embedding_precision
        )

    def index(
        self, chunks: Iterable[DocMetadataAwareIndexChunk], indexing_metadata: IndexingMetadata
    ) -> list[DocumentInsertionRecord]:
        """Index into the primary; another pipeline fills the secondary."""
        return self._primary.index(chunks, indexing_metadata)

    def delete(self, document_id: str, chunk_count: int | None = None) -> int:
        """Delete from both; return how many chunks went."""
        deleted = self._primary.delete(document_id, chunk_count)
        if self._secondary is not None:
            deleted += self._secondary.delete(document_id, chunk_count)
        return deleted

    def update(self, update_requests: list[MetadataUpdateRequest]) -> None:
        """Update both.

        Raises
        ------
        SecondaryIndexDocumentMissingError
            An index that is still being filled lacks documents; everything else was applied before.
        """
        try:
            self._primary.update(update_requests, surface_document_missing=self._primary_backfill_in_progress)
            if self._secondary is not None:
                self._secondary.update(update_requests, surface_document_missing=True)
        except DocumentMissingError as error:
            raise SecondaryIndexDocumentMissingError(error.missing_document_ids) from error

    def id_based_retrieval(
        self,
        chunk_requests: list[DocumentSectionRequest],
        filters: IndexFilters,
        batch_retrieval: bool = False,  # noqa: FBT001, FBT002  the interface's
    ) -> list[InferenceChunk]:
        """Return sections of the primary."""
        return self._primary.id_based_retrieval(chunk_requests, filters, batch_retrieval)

    def hybrid_retrieval(  # noqa: PLR0913, PLR0917  the interface's
        self,
        query: str,
        query_embedding: Embedding,
        final_keywords: list[str] | None,
        query_type: QueryType,
        filters: IndexFilters,
        num_to_retrieve: int,
    ) -> list[InferenceChunk]:
        """Search the primary by words and by meaning."""
        return self._primary.hybrid_retrieval(
            query, query_embedding, final_keywords, query_type, filters, num_to_retrieve
        )

    def keyword_retrieval(
        self,
        query: str,
        filters: IndexFilters,
        num_to_retrieve: int,
        include_hidden: bool = False,  # noqa: FBT001, FBT002  the interface's
    ) -> list[InferenceChunk]:
        """Search the primary by words."""
        return self._primary.keyword_retrieval(query, filters, num_to_retrieve, include_hidden=include_hidden)

    def semantic_retrieval(
        self, query_embedding: Embedding, filters: IndexFilters, num_to_retrieve: int
    ) -> list[InferenceChunk]:
        """Search the primary by meaning."""
        return self._primary.semantic_retrieval(query_embedding, filters, num_to_retrieve)

    def random_retrieval(
        self,
        filters: IndexFilters,
        num_to_retrieve: int = 10,
        dirty: bool | None = None,  # noqa: FBT001  the interface's
    ) -> list[InferenceChunk]:
        """Return chunks of the primary by lot."""
        return self._primary.random_retrieval(filters, num_to_retrieve, dirty)

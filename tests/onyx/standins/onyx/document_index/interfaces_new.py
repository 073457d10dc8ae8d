"""The interface between Onyx and what it searches with."""

import abc
from collections.abc import Iterable
from datetime import datetime

from onyx.access.models import DocumentAccess
from onyx.context.search.enums import QueryType
from onyx.context.search.models import IndexFilters, InferenceChunk
from onyx.db.enums import EmbeddingPrecision
from onyx.document_index.opensearch.constants import DEFAULT_MAX_CHUNK_SIZE
from onyx.indexing.models import DocMetadataAwareIndexChunk
from pydantic import BaseModel, ConfigDict
from shared_configs.model_server_models import Embedding


class TenantState(BaseModel):
    """For whom an index object works."""

    tenant_id: str
    multitenant: bool


class DocumentInsertionRecord(BaseModel):
    """What became of a document."""

    document_id: str
    already_existed: bool


class DocumentSectionRequest(BaseModel):
    """A range of chunks."""

    document_id: str
    min_chunk_ind: int | None = None
    max_chunk_ind: int | None = None
    max_chunk_size: int = DEFAULT_MAX_CHUNK_SIZE


class IndexingMetadata(BaseModel):
    """Chunk counts of a batch."""

    class ChunkCounts(BaseModel):
        """Chunks before and after."""

        old_chunk_cnt: int
        new_chunk_cnt: int

    doc_id_to_chunk_cnt_diff: dict[str, ChunkCounts]


class MetadataUpdateRequest(BaseModel):
    """New metadata of documents."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    document_ids: list[str]
    doc_id_to_chunk_cnt: dict[str, int]
    access: DocumentAccess | None = None
    document_sets: set[str] | None = None
    boost: float | None = None
    hidden: bool | None = None
    project_ids: set[int] | None = None
    persona_ids: set[int] | None = None
    created_at: datetime | None = None


class SecondaryIndexDocumentMissingError(Exception):
    """Documents are not yet in an index that is being filled."""

    def __init__(self, document_ids: list[str]) -> None:
        super().__init__(document_ids)
        self.document_ids = document_ids


class DocumentIndex(abc.ABC):
    """What Onyx asks of an index."""

    @abc.abstractmethod
    def verify_and_create_index_if_necessary(
        self, embedding_dim: int, embedding_precision: EmbeddingPrecision
    ) -> None: ...

    @abc.abstractmethod
    def index(
        self, chunks: Iterable[DocMetadataAwareIndexChunk], indexing_metadata: IndexingMetadata
    ) -> list[DocumentInsertionRecord]: ...

    @abc.abstractmethod
    def delete(self, document_id: str, chunk_count: int | None = None) -> int: ...

    @abc.abstractmethod
    def update(self, update_requests: list[MetadataUpdateRequest]) -> None: ...

    @abc.abstractmethod
    def id_based_retrieval(
        self, chunk_requests: list[DocumentSectionRequest], filters: IndexFilters, batch_retrieval: bool = False
    ) -> list[InferenceChunk]: ...

    @abc.abstractmethod
    def hybrid_retrieval(
        self,
        query: str,
        query_embedding: Embedding,
        final_keywords: list[str] | None,
        query_type: QueryType,
        filters: IndexFilters,
        num_to_retrieve: int,
    ) -> list[InferenceChunk]: ...

    @abc.abstractmethod
    def keyword_retrieval(
        self, query: str, filters: IndexFilters, num_to_retrieve: int, include_hidden: bool = False
    ) -> list[InferenceChunk]: ...

    @abc.abstractmethod
    def semantic_retrieval(
        self, query_embedding: Embedding, filters: IndexFilters, num_to_retrieve: int
    ) -> list[InferenceChunk]: ...

    @abc.abstractmethod
    def random_retrieval(
        self, filters: IndexFilters, num_to_retrieve: int = 10, dirty: bool | None = None
    ) -> list[InferenceChunk]: ...

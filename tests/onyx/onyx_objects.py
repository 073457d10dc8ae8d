"""Onyx's objects, made shortly."""

from collections.abc import Iterable, Sequence
from typing import Any

from onyx.access.models import DocumentAccess
from onyx.configs.constants import DocumentSource
from onyx.connectors.models import Document
from onyx.context.search.models import IndexFilters, InferenceChunk
from onyx.db.enums import EmbeddingPrecision
from onyx.document_index.interfaces_new import DocumentIndex, IndexingMetadata, MetadataUpdateRequest, TenantState
from onyx.indexing.models import ChunkEmbedding, DocMetadataAwareIndexChunk
from onyx_vector_search import Client
from onyx_vector_search.adapter import PgVectorDocumentIndex

DIMENSION = 8
EVERYTHING = IndexFilters(access_control_list=None)
NO_METADATA = IndexingMetadata(doc_id_to_chunk_cnt_diff={})


def vector(*numbers: float, dimension: int = DIMENSION) -> list[float]:
    """Fill up with zeros."""
    return [*map(float, numbers), *([0.0] * (dimension - len(numbers)))]


def access(
    *, emails: Sequence[str] = (), groups: Sequence[str] = (), external: Sequence[str] = (), public: bool = False
) -> DocumentAccess:
    """Say who may read."""
    return DocumentAccess.build(
        user_emails=list(emails),
        user_groups=list(groups),
        external_user_emails=[],
        external_user_group_ids=list(external),
        is_public=public,
    )


def document(document_id: str, **changes: Any) -> Document:
    """Make a document without chunks."""
    values: dict[str, Any] = {
        "id": document_id,
        "semantic_identifier": f"About {document_id}",
        "source": DocumentSource.WEB,
        "sections": [],
        "metadata": {},
        "title": "A title",
    }
    return Document(**values | changes)


def chunk(
    document_id: str = "d",
    chunk_id: int = 0,
    content: str = "Some words.",
    *,
    embedding: Sequence[float] | None = None,
    source_document: Document | None = None,
    **changes: Any,
) -> DocMetadataAwareIndexChunk:
    """Make a public chunk, but for what is said."""
    values: dict[str, Any] = {
        "chunk_id": chunk_id,
        "content": content,
        "blurb": content[:20],
        "source_links": {0: f"https://example.org/{chunk_id}"},
        "image_file_id": None,
        "section_continuation": False,
        "source_document": source_document or document(document_id),
        "title_prefix": "",
        "metadata_suffix_semantic": "",
        "metadata_suffix_keyword": "",
        "contextual_rag_reserved_tokens": 0,
        "doc_summary": "",
        "chunk_context": "",
        "mini_chunk_texts": None,
        "large_chunk_id": None,
        "embeddings": ChunkEmbedding(full_embedding=list(embedding or vector(1)), mini_chunk_embeddings=[]),
        "title_embedding": vector(0, 1),
        "tenant_id": "public",
        "access": access(public=True),
        "document_sets": set(),
        "user_project": [],
        "personas": [],
        "boost": 0,
        "aggregated_chunk_boost_factor": 1.0,
        "ancestor_hierarchy_node_ids": [],
    }
    return DocMetadataAwareIndexChunk(**values | changes)


def put(index: DocumentIndex, *chunks: DocMetadataAwareIndexChunk) -> None:
    """Index chunks."""
    index.index(chunks, NO_METADATA)


def update(index: DocumentIndex, document_id: str = "d", *, count: int = 1, **changes: Any) -> None:
    """Change the metadata of one document."""
    index.update([update_request(document_id, count=count, **changes)])


def update_request(document_id: str = "d", *, count: int = 1, **changes: Any) -> MetadataUpdateRequest:
    """Make the request alone."""
    return MetadataUpdateRequest(document_ids=[document_id], doc_id_to_chunk_cnt={document_id: count}, **changes)


def ids(chunks: Iterable[InferenceChunk]) -> set[str]:
    """Return whose chunks these are."""
    return {found.document_id for found in chunks}


def seen(index: DocumentIndex, *entries: str, **filters: Any) -> set[str]:
    """Return the documents a search by meaning sees for a holder of these entries."""
    wanted = IndexFilters(access_control_list=list(entries), **filters)
    return ids(index.semantic_retrieval(vector(1), wanted, 100))


def make_index(
    client: Client, name: str, *, tenant: str = "public", multitenant: bool = False
) -> PgVectorDocumentIndex:
    """Make the object; no index is created."""
    return PgVectorDocumentIndex(
        TenantState(tenant_id=tenant, multitenant=multitenant), name, DIMENSION, EmbeddingPrecision.FLOAT, client
    )

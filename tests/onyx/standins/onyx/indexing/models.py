"""Chunks on their way into the index."""

from onyx.access.models import DocumentAccess
from onyx.connectors.models import Document
from onyx.db.enums import EmbeddingPrecision
from onyx.db.models import SearchSettings
from pydantic import BaseModel, ConfigDict
from shared_configs.model_server_models import Embedding


class ChunkEmbedding(BaseModel):
    """Vectors of a chunk."""

    full_embedding: Embedding


class DocMetadataAwareIndexChunk(BaseModel):
    """A chunk with all that is known of its document."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    chunk_id: int
    blurb: str = ""
    content: str
    source_links: dict[int, str] | None = None
    image_file_id: str | None = None
    source_document: Document
    title_prefix: str = ""
    metadata_suffix_keyword: str = ""
    doc_summary: str = ""
    chunk_context: str = ""
    large_chunk_id: int | None = None
    embeddings: ChunkEmbedding
    title_embedding: Embedding | None = None
    access: DocumentAccess
    document_sets: set[str] = set()
    user_project: list[int] = []
    personas: list[int] = []
    boost: int = 0
    ancestor_hierarchy_node_ids: list[int] = []


class IndexingSetting(BaseModel):
    """What an index has to be like."""

    final_embedding_dim: int
    embedding_precision: EmbeddingPrecision

    @classmethod
    def from_db_model(cls, search_settings: SearchSettings) -> "IndexingSetting":
        return cls(
            final_embedding_dim=search_settings.model_dim,
            embedding_precision=search_settings.embedding_precision,
        )

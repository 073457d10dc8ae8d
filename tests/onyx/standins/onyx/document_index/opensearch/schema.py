"""Raw chunks, as a model change moves them."""

from datetime import datetime

from onyx.document_index.interfaces_new import TenantState
from pydantic import BaseModel


class DocumentChunkWithoutVectors(BaseModel):
    """A stored chunk."""

    document_id: str
    chunk_index: int
    title: str | None = None
    content: str
    source_type: str
    metadata_list: list[str] | None = None
    last_updated: datetime | None = None
    created_at: datetime | None = None
    public: bool
    access_control_list: list[str]
    hidden: bool = False
    written_by_port: bool | None = None
    global_boost: int
    semantic_identifier: str
    image_file_id: str | None = None
    source_links: str | None = None
    blurb: str
    doc_summary: str
    chunk_context: str
    metadata_suffix: str | None = None
    document_sets: list[str] | None = None
    user_projects: list[int] | None = None
    personas: list[int] | None = None
    primary_owners: list[str] | None = None
    secondary_owners: list[str] | None = None
    ancestor_hierarchy_node_ids: list[int] | None = None
    tenant_id: TenantState


class DocumentChunk(DocumentChunkWithoutVectors):
    """The same with vectors."""

    title_vector: list[float] | None = None
    content_vector: list[float]

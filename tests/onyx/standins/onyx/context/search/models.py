"""Filters and found chunks."""

from datetime import datetime

from onyx.configs.constants import DocumentSource
from pydantic import BaseModel


class Tag(BaseModel):
    """A pair of metadata."""

    tag_key: str
    tag_value: str


class TimeRange(BaseModel):
    """Two moments, both included."""

    start: datetime | None = None
    end: datetime | None = None


class IndexFilters(BaseModel):
    """What a search may see and wants to see."""

    access_control_list: list[str] | None
    tenant_id: str | None = None
    source_type: list[DocumentSource] | None = None
    document_set: list[str] | None = None
    created_at_range: TimeRange | None = None
    updated_at_range: TimeRange | None = None
    tags: list[Tag] | None = None
    project_id_filter: int | None = None
    persona_id_filter: int | None = None
    attached_document_ids: list[str] | None = None
    hierarchy_node_ids: list[int] | None = None
    forced_document_set: list[str] | None = None


class InferenceChunk(BaseModel):
    """A chunk that was found."""

    chunk_id: int
    blurb: str
    content: str
    source_links: dict[int, str] | None
    image_file_id: str | None
    section_continuation: bool
    document_id: str
    source_type: DocumentSource
    semantic_identifier: str
    title: str | None
    boost: int
    score: float | None
    hidden: bool
    metadata: dict[str, str | list[str]]
    match_highlights: list[str]
    doc_summary: str
    chunk_context: str
    updated_at: datetime | None
    primary_owners: list[str] | None = None
    secondary_owners: list[str] | None = None


class InferenceChunkUncleaned(InferenceChunk):
    """The same with the text as it was indexed."""

    metadata_suffix: str | None

    def to_inference_chunk(self) -> InferenceChunk:
        return InferenceChunk(**self.model_dump(exclude={"metadata_suffix"}))

"""What comes back from the service, field by field as its OpenAPI page shows it."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from onyx_vector_search.models import Access, Metadata, Mode, Writer
from onyx_vector_search.vectors import ReceivedVector


class Received(BaseModel):
    """A part of an answer. Fields a newer service adds are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Ann(Received):
    """The state of the HNSW graph."""

    state: str
    progress: float


class Index(Received):
    """An index and what it holds."""

    name: str
    tenant_id: str
    embedding_dimension: int
    language: str
    access_control: bool
    rank_profile: str
    documents: int
    chunks: int
    bytes: int
    ann: Ann
    created_at: datetime


class Emptied(Received):
    """One bounded step of emptying an index."""

    deleted: int
    remaining: int


class Indexed(Received):
    """What became of a document that was written; stale: not at all, since a later version is known."""

    document_id: str
    already_existed: bool
    chunk_count: int
    stale: bool = False


class Changed(Received):
    """What became of a document that was updated or deleted; chunk_count is how many chunks were reached."""

    document_id: str
    found: bool
    chunk_count: int
    stale: bool = False


class StoredChunk(Received):
    """A chunk with its document's metadata."""

    document_id: str
    chunk_index: int
    content: str
    title: str | None
    semantic_identifier: str
    source_type: str | None
    blurb: str
    source_links: dict[str, str] | None
    image_file_id: str | None
    doc_summary: str
    chunk_context: str
    metadata_suffix: str | None
    metadata: Metadata
    document_sets: list[str]
    boost: int
    hidden: bool
    created_at: datetime | None
    updated_at: datetime | None
    primary_owners: list[str] | None
    secondary_owners: list[str] | None


class Hit(StoredChunk):
    """A chunk that was found; the higher the score, the better."""

    score: float
    features: dict[str, float | None] = Field(default_factory=dict)
    highlights: list[str] = Field(default_factory=list)


class RawChunk(StoredChunk):
    """All that is stored of a chunk and its document."""

    access: Access
    tags: list[str]
    project_ids: list[int]
    persona_ids: list[int]
    hierarchy_node_ids: list[int]
    written_by: Writer
    embedding: ReceivedVector | None = None


class RawChunkPage(Received):
    """A page of raw chunks; the cursor is None after the last one."""

    chunks: list[RawChunk]
    next_cursor: str | None


class Expansion(Received):
    """Words of the index that stood for what was typed."""

    kind: str
    typed: str
    words: list[str]


class SearchAnswer(Received):
    """Hits, best first, and how they were found."""

    hits: list[Hit]
    mode: Mode
    strategy: str
    exact: bool
    complete: bool
    degraded: list[str] = Field(default_factory=list)
    rank_profile: str | None = None
    expansions: list[Expansion] = Field(default_factory=list)
    took_ms: float


class DocumentChunk(Received):
    """A chunk of a stored document."""

    chunk_index: int
    content: str
    blurb: str
    doc_summary: str
    chunk_context: str
    metadata_suffix: str | None
    source_links: dict[str, str] | None
    image_file_id: str | None
    embedding: ReceivedVector | None = None


class StoredDocument(Received):
    """A document as it is stored, whoever may read it."""

    id: str
    title: str | None
    semantic_identifier: str
    source_type: str | None
    metadata: Metadata
    access: Access
    document_sets: list[str]
    project_ids: list[int]
    persona_ids: list[int]
    hierarchy_node_ids: list[int]
    boost: int
    hidden: bool
    created_at: datetime | None
    updated_at: datetime | None
    primary_owners: list[str] | None
    secondary_owners: list[str] | None
    written_by: Writer
    chunk_count: int
    title_embedding: ReceivedVector | None = None
    chunks: list[DocumentChunk] | None = None


class DocumentPage(Received):
    """A page of documents; the cursor is None after the last one."""

    documents: list[StoredDocument]
    next_cursor: str | None


class Ready(Received):
    """The service answers."""

    status: str
    postgres_version: int
    pgvector_version: str
    schema_revision: str
    read_only: bool
    warnings: list[str]


class Flaw(Received):
    """One thing wrong with a request: a JSON pointer into the body, and what."""

    pointer: str
    code: str
    detail: str


class Problem(Received):
    """RFC 9457. Match on ``code``: it is stable."""

    status: int
    code: str
    title: str = ""
    detail: str = ""
    errors: Annotated[list[Flaw], Field(default_factory=list)]

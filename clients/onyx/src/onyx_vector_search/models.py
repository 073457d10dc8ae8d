"""What goes to the service, field by field as its OpenAPI page shows it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from onyx_vector_search.vectors import SentVector

Mode = Literal["semantic", "keyword", "hybrid", "random"]
QueryType = Literal["keyword", "semantic"]
WriteMode = Literal["replace", "create", "merge"]
Writer = Literal["index", "port", "import"]
Metadata = dict[str, Any]


class Sent(BaseModel):
    """A part of a request. None is left out, which the service reads the same way."""

    model_config = ConfigDict(extra="forbid")


class AnnSettings(Sent):
    """How the HNSW graph of an index is to hold embeddings: none is whole, bit their signs. It may be changed."""

    quantisation: Literal["none", "bit"] | None = None


class IndexSettings(Sent):
    """What an index is to be; what is None is not compared with an index that exists."""

    embedding_dimension: int
    language: str | None = None
    access_control: bool | None = None
    rank_profile: str | None = None
    ann: AnnSettings | None = None


class Access(BaseModel):
    """Who may read a document: everybody, or whoever holds one of the entries."""

    public: bool
    entries: list[str] = Field(default_factory=list)


class Chunk(Sent):
    """A piece of a document."""

    chunk_index: int
    content: str
    embedding: SentVector | None = None
    blurb: str = ""
    doc_summary: str = ""
    chunk_context: str = ""
    metadata_suffix: str | None = None
    source_links: dict[str, str] | None = None
    image_file_id: str | None = None


class DocumentHead(Sent):
    """All of a document but its chunks. hidden None keeps what a document that is there has.

    ``version`` grows with each change at the source: what is older than one that is known is left alone.
    """

    id: str
    title: str | None = None
    semantic_identifier: str | None = None
    source_type: str | None = None
    metadata: Metadata = Field(default_factory=dict)
    access: Access | None = None
    document_sets: list[str] = Field(default_factory=list)
    project_ids: list[int] = Field(default_factory=list)
    persona_ids: list[int] = Field(default_factory=list)
    hierarchy_node_ids: list[int] = Field(default_factory=list)
    boost: int = 0
    hidden: bool | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    primary_owners: list[str] | None = None
    secondary_owners: list[str] | None = None
    title_embedding: SentVector | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A document to index. Its chunks may be an iterator that is read once; they are never all in memory."""

    head: DocumentHead
    chunks: Iterable[Chunk]


class Update(Sent):
    """New metadata of some documents: None leaves a field as it is, an empty list clears it."""

    document_ids: list[str]
    access: Access | None = None
    document_sets: list[str] | None = None
    boost: int | None = None
    hidden: bool | None = None
    project_ids: list[int] | None = None
    persona_ids: list[int] | None = None
    hierarchy_node_ids: list[int] | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    metadata: Metadata | None = None
    version: int | None = None


class Tag(Sent):
    """A pair of metadata."""

    key: str
    value: str


class TimeRange(Sent):
    """Two moments, both included; None leaves an end open."""

    start: datetime | None = None
    end: datetime | None = None


class Filters(Sent):
    """What a request may see and wants to see; everything is ANDed.

    ``access_control_list`` must be set on purpose: a list, [] for public documents only, or None for
    everything.
    """

    access_control_list: list[str] | None
    hidden: bool | None = None
    source_type: list[str] | None = None
    tags: list[Tag] | None = None
    document_sets: list[str] | None = None
    document_ids: list[str] | None = None
    hierarchy_node_ids: list[int] | None = None
    persona_id: int | None = None
    project_id: int | None = None
    forced_document_sets: list[str] | None = None
    created_at: TimeRange | None = None
    updated_at: TimeRange | None = None
    metadata: Metadata | None = None


class Search(Sent):
    """What is looked for; what is None the service chooses."""

    filters: Filters
    query: str | None = None
    embedding: SentVector | None = None
    mode: Mode | None = None
    query_type: QueryType | None = None
    rank_profile: str | None = None
    hybrid_alpha: float | None = None
    candidate_limit: int | None = None
    feedback: bool | None = None
    smoothing: bool | None = None
    highlight: bool | None = None
    explain: bool | None = None
    limit: int = 10
    include_hidden: bool | None = None
    exact: bool | None = None
    min_score: float | None = None


class Section(Sent):
    """A range of chunks of a document, both ends included; None leaves an end open."""

    document_id: str
    min_chunk_index: int | None = None
    max_chunk_index: int | None = None

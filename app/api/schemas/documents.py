"""Bodies about documents."""

from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from app.api.schemas.fields import (
    Body,
    Boost,
    ChunkIndex,
    CleanText,
    DocumentId,
    DocumentIds,
    IndexName,
    Label,
    Labels,
    Metadata,
    Moment,
    Number,
    Numbers,
    StoredEmbedding,
    check_distinct,
    example,
)
from app.domain.documents import Access, Chunk, Document, DocumentUpdate, WriteMode, Writer

MAX_DOCUMENTS = 10_000

STALE = "Only there when true: a later version is known, and the document was left alone."
Version = Annotated[
    Number,
    Field(
        description="Of the document at its source, such as the time of its last change in microseconds: what is "
        "older than a version that is known is left alone, and answered as stale."
    ),
]


class AccessBody(Body):
    """Who may read a document: everybody, or whoever holds one of the entries."""

    public: bool
    entries: Annotated[Labels, Field(examples=[["user_email:a@x.io", "group:eng"]])] = []

    def to_domain(self) -> Access:
        """Translate."""
        return Access(self.public, tuple(self.entries))


class ChunkBody(Body):
    """A piece of a document."""

    chunk_index: ChunkIndex
    content: CleanText
    embedding: StoredEmbedding | None = None
    blurb: CleanText = ""
    doc_summary: CleanText = ""
    chunk_context: CleanText = ""
    metadata_suffix: CleanText | None = None
    source_links: Annotated[
        dict[CleanText, CleanText] | None, Field(description="Offset in the text to URL, the first at 0.")
    ] = None
    image_file_id: Label | None = None

    def to_domain(self) -> Chunk:
        """Translate."""
        return Chunk(
            chunk_index=self.chunk_index,
            content=self.content,
            embedding=self.embedding,
            blurb=self.blurb,
            doc_summary=self.doc_summary,
            chunk_context=self.chunk_context,
            metadata_suffix=self.metadata_suffix,
            source_links=self.source_links,
            image_file_id=self.image_file_id,
        )


def check_chunk_indexes(chunks: list[ChunkBody]) -> None:
    """Refuse chunks that share an index."""
    check_distinct((chunk.chunk_index, ("chunks", place, "chunk_index")) for place, chunk in enumerate(chunks))


class DocumentHead(Body):
    """All of a document but its chunks."""

    id: DocumentId
    title: CleanText | None = None
    semantic_identifier: Annotated[CleanText | None, Field(description="For display; else the title, or the id.")] = (
        None
    )
    source_type: Label | None = None
    metadata: Annotated[Metadata, Field(description="Free JSON. Strings and lists of strings are tags as well.")] = {}
    access: Annotated[AccessBody | None, Field(description="Required in an index under access control.")] = None
    document_sets: Labels = []
    project_ids: Numbers = []
    persona_ids: Numbers = []
    hierarchy_node_ids: Numbers = []
    boost: Boost = 0
    hidden: Annotated[bool | None, Field(description="null keeps what a document that is there has.")] = None
    created_at: Moment | None = None
    updated_at: Moment | None = None
    primary_owners: Annotated[list[CleanText], Field(max_length=10_000)] | None = None
    secondary_owners: Annotated[list[CleanText], Field(max_length=10_000)] | None = None
    title_embedding: StoredEmbedding | None = None
    version: Version | None = None

    def with_chunks(self, chunks: tuple[Chunk, ...]) -> Document:
        """Translate."""
        return Document(
            id=self.id,
            semantic_identifier=self.semantic_identifier or self.title or self.id,
            access=None if self.access is None else self.access.to_domain(),
            title=self.title or None,
            source_type=self.source_type,
            metadata=self.metadata,
            document_sets=tuple(self.document_sets),
            project_ids=tuple(self.project_ids),
            persona_ids=tuple(self.persona_ids),
            hierarchy_node_ids=tuple(self.hierarchy_node_ids),
            boost=self.boost,
            hidden=self.hidden,
            created_at=self.created_at,
            updated_at=self.updated_at,
            primary_owners=None if self.primary_owners is None else tuple(self.primary_owners),
            secondary_owners=None if self.secondary_owners is None else tuple(self.secondary_owners),
            title_embedding=self.title_embedding,
            chunks=chunks,
            version=self.version,
        )


class DocumentBody(DocumentHead):
    """A document with its chunks, or a simple one: content and embedding are its only chunk."""

    chunks: Annotated[list[ChunkBody] | None, Field(min_length=1, max_length=100_000)] = None
    content: CleanText | None = None
    embedding: StoredEmbedding | None = None

    @model_validator(mode="after")
    def _check_chunks(self) -> Self:
        if (self.chunks is None) == (self.content is None):
            raise PydanticCustomError("chunks_or_content", "Either chunks or content must be given")
        if self.chunks is not None:
            if self.embedding is not None:
                raise PydanticCustomError("embedding_with_chunks", "With chunks, each chunk has its own embedding")
            check_chunk_indexes(self.chunks)
        return self

    def to_domain(self) -> Document:
        """Translate."""
        if self.chunks is not None:
            return self.with_chunks(tuple(chunk.to_domain() for chunk in self.chunks))
        chunk = Chunk(chunk_index=0, content=self.content or "", embedding=self.embedding)
        return replace(self.with_chunks((chunk,)), simple=True)


class DocumentsBody(Body):
    """A batch of documents: all of it is written, or none."""

    carries_documents = True

    model_config = example(
        {
            "index": "try",
            "documents": [{"id": "hello", "title": "Hello", "content": "Hello, world", "embedding": [1.0, 0.5, 0.0]}],
        }
    )

    index: IndexName | None = None
    documents: Annotated[list[DocumentBody], Field(min_length=1, max_length=MAX_DOCUMENTS)]
    mode: Annotated[
        WriteMode,
        Field(
            description="replace: the chunks that come are all there are. create: what is there stays; missing chunks "
            "are added to documents of the same writer (not index). merge: chunks are added or replaced, others stay."
        ),
    ] = "replace"
    written_by: Annotated[Writer, Field(description="Kept with the document; deletes can ask for it.")] = "index"

    @model_validator(mode="after")
    def _check_ids(self) -> Self:
        check_distinct((document.id, ("documents", place, "id")) for place, document in enumerate(self.documents))
        return self


class UpdateBody(Body):
    """New metadata of some documents: null leaves a field as it is, [] clears a list."""

    document_ids: Annotated[DocumentIds, Field(min_length=1)]
    access: AccessBody | None = None
    document_sets: Labels | None = None
    boost: Boost | None = None
    hidden: bool | None = None
    project_ids: Numbers | None = None
    persona_ids: Numbers | None = None
    hierarchy_node_ids: Numbers | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None
    metadata: Metadata | None = None
    version: Version | None = None

    def to_domain(self) -> DocumentUpdate:
        """Translate."""
        return DocumentUpdate(
            document_ids=tuple(self.document_ids),
            access=None if self.access is None else self.access.to_domain(),
            document_sets=None if self.document_sets is None else tuple(self.document_sets),
            boost=self.boost,
            hidden=self.hidden,
            project_ids=None if self.project_ids is None else tuple(self.project_ids),
            persona_ids=None if self.persona_ids is None else tuple(self.persona_ids),
            hierarchy_node_ids=None if self.hierarchy_node_ids is None else tuple(self.hierarchy_node_ids),
            created_at=self.created_at,
            updated_at=self.updated_at,
            metadata=self.metadata,
            version=self.version,
        )


class UpdatesBody(Body):
    """Metadata updates, carried out in order and together."""

    carries_documents = True

    model_config = example({"updates": [{"document_ids": ["docs/tuning.md"], "boost": 1, "document_sets": ["Guides"]}]})

    index: IndexName | None = None
    updates: Annotated[list[UpdateBody], Field(min_length=1, max_length=MAX_DOCUMENTS)]


class DeleteBody(Body):
    """Documents to delete."""

    model_config = example({"index": "try", "document_ids": ["hello"]})

    index: IndexName | None = None
    document_ids: Annotated[DocumentIds, Field(min_length=1)]
    written_by: Annotated[Writer | None, Field(description="Only those of this writer.")] = None
    version: Version | None = None


class IndexedAnswer(BaseModel):
    """What became of a document."""

    document_id: str
    already_existed: bool
    chunk_count: int
    stale: Annotated[bool, Field(description=STALE)] = False


class IndexedList(BaseModel):
    """One answer per document, in the order of the batch."""

    results: list[IndexedAnswer]


class BulkAcknowledged(BaseModel):
    """A line of the answer to a stream: documents that are durable."""

    lines: Annotated[
        tuple[int, int], Field(description="The first and the last of the lines they came in; refused ones excepted.")
    ]
    documents: int
    chunks: int
    already_existed: int
    stale: Annotated[
        list[str] | None, Field(description="Documents of which a later version is known; only there when there are.")
    ] = None


class BulkEnd(BaseModel):
    """The last line of the answer to a stream."""

    complete: Annotated[bool, Field(description="Every line was read, and is acknowledged or refused.")]
    documents: int
    chunks: int
    refused: int


class ChangedAnswer(BaseModel):
    """What became of a document; chunk_count is how many chunks were reached."""

    document_id: str
    found: bool
    chunk_count: int
    stale: Annotated[bool, Field(description=STALE)] = False


class ChangedList(BaseModel):
    """One answer per document, in the order of first mention."""

    results: list[ChangedAnswer]


class StoredChunk(BaseModel):
    """A chunk as it is stored; the embedding is base64 of little-endian float32."""

    chunk_index: int
    content: str
    blurb: str
    doc_summary: str
    chunk_context: str
    metadata_suffix: str | None
    source_links: dict[str, str] | None
    image_file_id: str | None
    embedding: str | None = None


class StoredDocument(BaseModel):
    """A document as it is stored."""

    id: str
    title: str | None
    semantic_identifier: str
    source_type: str | None
    metadata: dict[str, Any]
    access: AccessBody
    document_sets: list[str]
    project_ids: list[int]
    persona_ids: list[int]
    hierarchy_node_ids: list[int]
    boost: int
    hidden: bool
    created_at: Moment | None
    updated_at: Moment | None
    primary_owners: list[str] | None
    secondary_owners: list[str] | None
    written_by: Literal["index", "port", "import"]
    chunk_count: int
    version: int | None
    title_embedding: str | None = None
    chunks: list[StoredChunk] | None = None


class DocumentPage(BaseModel):
    """A page of documents; the cursor is null after the last one."""

    documents: list[StoredDocument]
    next_cursor: str | None


class PartBody(Body):
    """One part of a document that is too large for one request."""

    carries_documents = True

    index: IndexName | None = None
    chunks: Annotated[list[ChunkBody], Field(min_length=1, max_length=100_000)]

    @model_validator(mode="after")
    def _check_chunks(self) -> Self:
        check_chunk_indexes(self.chunks)
        return self


class CommitBody(Body):
    """The document that the parts 0 to parts - 1 of an upload make up."""

    index: IndexName | None = None
    document: DocumentHead
    parts: Annotated[int, Field(ge=1, le=100_000)]


class PartAnswer(BaseModel):
    """A part is stored, and not yet to be seen."""

    upload_id: str
    part: int

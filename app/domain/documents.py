"""Documents, their chunks, and who may read them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal
from uuid import UUID

import orjson

from app.domain.keys import digest, digest_bytes, document_key, entry_keys
from app.domain.vectors import HalfVector, Vector, to_half

WriteMode = Literal["replace", "create", "merge"]
"""replace: the chunks that come are all there are. create: nothing that is there changes; chunks are added
to documents of the same writer. merge: chunks that come are added or replaced, others stay."""

Writer = Literal["index", "port", "import"]
"""Who wrote a document: ordinary indexing, Onyx's model change, or a migration."""


@dataclass(frozen=True)
class Access:
    """Who may read a document: everybody, or whoever holds one of the entries."""

    public: bool
    entries: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> UUID:
        """The same for the same entries in any order."""
        return digest("public" if self.public else "private", *sorted(set(self.entries)))

    @cached_property
    def entry_keys(self) -> list[bytes]:
        """Keys of the distinct entries."""
        return entry_keys(sorted(set(self.entries)))


PUBLIC = Access(public=True)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document as it is stored and found."""

    chunk_index: int
    content: str
    embedding: Vector | HalfVector | None = None
    blurb: str = ""
    doc_summary: str = ""
    chunk_context: str = ""
    metadata_suffix: str | None = None
    source_links: Mapping[str, str] | None = None
    image_file_id: str | None = None

    def payload_digest(self) -> bytes:
        """Of everything but the embedding."""
        links = None if self.source_links is None else orjson.dumps(self.source_links, option=orjson.OPT_SORT_KEYS)
        return digest_bytes(
            self.content, self.blurb, self.doc_summary, self.chunk_context, self.metadata_suffix, links,
            self.image_file_id,
        )  # fmt: skip

    def embedding_digest(self) -> bytes:
        """Of the embedding as it is stored."""
        return digest_bytes(None if self.embedding is None else to_half(self.embedding).tobytes())


@dataclass(frozen=True)
class Document:
    """What Onyx calls a document, with the chunks that came with it."""

    id: str
    semantic_identifier: str
    access: Access | None = None
    title: str | None = None
    source_type: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    document_sets: tuple[str, ...] = ()
    project_ids: tuple[int, ...] = ()
    persona_ids: tuple[int, ...] = ()
    hierarchy_node_ids: tuple[int, ...] = ()
    boost: int = 0
    hidden: bool | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    primary_owners: tuple[str, ...] | None = None
    secondary_owners: tuple[str, ...] | None = None
    title_embedding: Vector | HalfVector | None = None
    chunks: tuple[Chunk, ...] = ()
    version: int | None = None
    """Of the document at its source, later ones greater; None is not compared."""
    simple: bool = False
    """Whether content and embedding came with the document itself, as its only chunk."""

    @cached_property
    def key(self) -> UUID:
        """The key it is stored under."""
        return document_key(self.id)


@dataclass(frozen=True, slots=True)
class DocumentUpdate:
    """New metadata of some documents; None leaves a field, an empty tuple clears it."""

    document_ids: tuple[str, ...]
    access: Access | None = None
    document_sets: tuple[str, ...] | None = None
    boost: int | None = None
    hidden: bool | None = None
    project_ids: tuple[int, ...] | None = None
    persona_ids: tuple[int, ...] | None = None
    hierarchy_node_ids: tuple[int, ...] | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    metadata: Mapping[str, Any] | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class IndexedDocument:
    """What became of a document that was to be indexed; ``stale`` when a later version is known, and nothing did."""

    document_id: str
    already_existed: bool
    chunk_count: int
    stale: bool = False


@dataclass(frozen=True, slots=True)
class ChangedDocument:
    """What became of a document that was to be updated or deleted; chunk_count is what it reached.

    ``stale`` when a later version is known, and it was left alone.
    """

    document_id: str
    found: bool
    chunk_count: int
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A range of chunks of a document, both ends included; None leaves an end open."""

    document_id: str
    min_chunk_index: int | None = None
    max_chunk_index: int | None = None


def tags(metadata: Mapping[str, Any]) -> list[str]:
    """Spell metadata as Onyx's tags: ``key===value``, one for each value of a list.

    Strings stand for themselves, other scalars as their JSON; nested values make no tag.
    """
    return [
        f"{key}==={value if isinstance(value, str) else json.dumps(value)}"
        for key, values in metadata.items()
        for value in (values if isinstance(values, list) else [values])
        if not isinstance(value, dict | list)
    ]


def whole_seconds(moment: datetime | None) -> datetime | None:
    """Truncate to whole seconds of UTC, as stored times and bounds both are; a naive time is UTC."""
    if moment is None:
        return None
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return aware.replace(microsecond=0)

"""Our own form of a document outside the database: that of the API, one a line, embeddings as base64.

What is exported and imported again is the same to the last bit: half-precision numbers are exact in the
single precision they are written in, and are recognised when they come back.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import numpy as np

from app.domain import migration
from app.domain.documents import Access, Chunk, Document, Writer
from app.domain.migration import Fields, RealIds, RowRejectedError, RowRules, SourceRow
from app.domain.unicode import clean_json
from app.domain.vectors import HalfVector, Vector

Row = Mapping[str, Any]

FORMAT = "onyx-vector-search"
VERSION = 1
WRITERS: tuple[Writer, ...] = ("index", "port", "import")

_DOCUMENT_FIELDS = (
    "title", "semantic_identifier", "source_type", "metadata", "document_sets", "project_ids", "persona_ids",
    "hierarchy_node_ids", "boost", "hidden", "created_at", "updated_at", "primary_owners", "secondary_owners",
    "written_by", "chunk_count", "version",
)  # fmt: skip
_CHUNK_FIELDS = (
    "chunk_index", "content", "blurb", "doc_summary", "chunk_context", "metadata_suffix", "source_links",
    "image_file_id",
)  # fmt: skip


def write_document(row: Row, chunks: Sequence[Row] | None, *, embeddings: bool) -> dict[str, Any]:
    """Show a stored document; its shape is that of a document to index."""
    shown = {"id": row["document_id"], "access": {"public": row["acl_public"], "entries": row["acl_entries"]}}
    shown |= {name: row[name] for name in _DOCUMENT_FIELDS}
    shown["title_embedding"] = encode_vector(row["title_embedding"]) if embeddings else None
    if chunks is not None:
        shown["chunks"] = [
            {name: chunk[name] for name in _CHUNK_FIELDS} | {"embedding": encode_vector(chunk["embedding"])}
            for chunk in chunks
        ]
    return shown


def encode_vector(embedding: Any) -> str | None:  # noqa: ANN401  a half or single array of numpy's
    """Write an embedding as base64 of little-endian float32."""
    return None if embedding is None else base64.b64encode(np.asarray(embedding, dtype="<f4").tobytes()).decode()


def read_document(fields: Fields, rules: RowRules) -> SourceRow:
    """Read a document with its chunks, or a simple one whose content is its only chunk.

    Raises
    ------
    RowRejectedError
        It is none, or does not fit the index.
    """
    name = migration.document_id(fields.get("id"), RealIds())
    title = migration.optional_text(fields, "title") or None
    document = Document(
        id=name,
        semantic_identifier=migration.optional_text(fields, "semantic_identifier") or title or name,
        access=_access(fields.get("access")),
        title=title,
        source_type=migration.label(fields, "source_type"),
        metadata=_metadata(fields.get("metadata")),
        document_sets=migration.labels(fields, "document_sets") or (),
        project_ids=migration.numbers(fields, "project_ids"),
        persona_ids=migration.numbers(fields, "persona_ids"),
        hierarchy_node_ids=migration.numbers(fields, "hierarchy_node_ids"),
        boost=migration.integer({"boost": 0} | dict(fields), "boost", least=-(2**31)),
        hidden=migration.flag(fields, "hidden"),
        created_at=_moment(fields, "created_at"),
        updated_at=_moment(fields, "updated_at"),
        primary_owners=migration.owners(fields, "primary_owners"),
        secondary_owners=migration.owners(fields, "secondary_owners"),
        title_embedding=_vector(fields.get("title_embedding"), "title_embedding", rules.dimension),
        chunks=_chunks(fields, rules.dimension),
        version=_version(fields.get("version")),
    )
    return SourceRow(document, written_by=_writer(fields))


def _chunks(fields: Fields, dimension: int) -> tuple[Chunk, ...]:
    listed = fields.get("chunks")
    if listed is None and fields.get("content") is not None:
        listed = [{"chunk_index": 0, "content": fields["content"], "embedding": fields.get("embedding")}]
    if not isinstance(listed, list) or not all(isinstance(item, Mapping) for item in listed):
        raise RowRejectedError("chunks_invalid", "The document has neither chunks nor content.")
    chunks = tuple(_chunk(item, dimension) for item in listed)
    if len({chunk.chunk_index for chunk in chunks}) != len(chunks):
        raise RowRejectedError("duplicate_chunk", "Two chunks of the document have the same index.")
    return chunks


def _chunk(fields: Fields, dimension: int) -> Chunk:
    embedding = _vector(fields.get("embedding"), "embedding", dimension)
    if embedding is None:
        raise RowRejectedError("embedding_missing", "A chunk has no embedding; export with embeddings.")
    return Chunk(
        chunk_index=migration.integer(fields, "chunk_index"),
        content=migration.optional_text(fields, "content") or "",
        embedding=embedding,
        blurb=migration.optional_text(fields, "blurb") or "",
        doc_summary=migration.optional_text(fields, "doc_summary") or "",
        chunk_context=migration.optional_text(fields, "chunk_context") or "",
        metadata_suffix=migration.optional_text(fields, "metadata_suffix"),
        source_links=migration.source_links(fields),
        image_file_id=migration.label(fields, "image_file_id"),
    )


def _vector(value: object, name: str, dimension: int) -> Vector | HalfVector | None:
    if not isinstance(value, str):
        return migration.vector(value, name, dimension)
    try:
        read = np.frombuffer(base64.b64decode(value, validate=True), dtype="<f4").astype(np.float32)
    except (binascii.Error, ValueError):
        raise RowRejectedError(f"{name}_invalid", f"{name} is no base64 of float32 numbers.") from None
    if read.shape != (dimension,):
        raise RowRejectedError(f"{name}_dimension", f"{name} has {read.size} numbers, the index {dimension}.")
    if not np.isfinite(read).all():
        raise RowRejectedError(f"{name}_invalid", f"{name} has numbers that are not finite.")
    with np.errstate(over="ignore"):
        half = read.astype(np.float16)
    return half if np.array_equal(half.astype(np.float32), read) else read


def _version(value: object) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not -(2**63) <= value < 2**63):
        raise RowRejectedError("version_invalid", "version is no integer of 64 bits.")
    return value


def _access(value: object) -> Access | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise RowRejectedError("access_invalid", "access is no object.")
    return Access(migration.flag(value, "public"), migration.labels(value, "entries") or ())


def _metadata(value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RowRejectedError("metadata_invalid", "metadata is no object.")
    cleaned: dict[str, Any] = clean_json(value)
    return cleaned


def _moment(fields: Fields, name: str) -> datetime | None:
    value = fields.get(name)
    if not isinstance(value, str):
        return migration.moment(fields, name)
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        raise RowRejectedError(f"{name}_invalid", f"{name} is no time as ISO 8601 has it.") from None


def _writer(fields: Fields) -> Writer:
    value = fields.get("written_by", "import")
    if value not in WRITERS:
        raise RowRejectedError("written_by_invalid", f"written_by is one of {', '.join(WRITERS)}.")
    return cast("Writer", value)

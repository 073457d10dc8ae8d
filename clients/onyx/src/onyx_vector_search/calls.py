"""Every call of the service as a value: what to send, and how to read the answer. Nothing is sent here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote
from uuid import UUID

from pydantic import BaseModel, TypeAdapter
from pydantic_core import to_json

from onyx_vector_search.answers import (
    Changed,
    DocumentPage,
    Emptied,
    Index,
    Indexed,
    RawChunkPage,
    Ready,
    SearchAnswer,
    StoredChunk,
    StoredDocument,
)
from onyx_vector_search.models import Filters, IndexSettings, Search, Section, Update, WriteMode, Writer
from onyx_vector_search.patience import Purpose

T = TypeVar("T")
_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request and the reading of its answer.

    ``keyed`` is a write that the service shall do once, however often it is sent.
    """

    method: str
    path: str
    read: Callable[[bytes], T]
    purpose: Purpose = "write"
    params: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    keyed: bool = False


class _IndexList(BaseModel):
    indexes: list[Index]


class _IndexedList(BaseModel):
    results: list[Indexed]


class _ChangedList(BaseModel):
    results: list[Changed]


class _ChunkList(BaseModel):
    chunks: list[StoredChunk]


def put_index(name: str, settings: IndexSettings, *, reset: bool) -> Call[Index]:
    """Create an index, or make sure that it is what is asked for."""
    params = {"reset": "true"} if reset else {}
    return Call("PUT", _index_path(name), _reader(Index), params=params, body=_json(settings))


def list_indexes() -> Call[list[Index]]:
    """List the indexes of the tenant."""
    return Call("GET", "/indexes", lambda body: _IndexList.model_validate_json(body).indexes, "search")


def get_index(name: str) -> Call[Index]:
    """Show an index."""
    return Call("GET", _index_path(name), _reader(Index), "search")


def delete_index(name: str) -> Call[None]:
    """Drop an index."""
    return Call("DELETE", _index_path(name), _nothing)


def empty_index(name: str, limit: int) -> Call[Emptied]:
    """Delete some documents of an index."""
    return Call("DELETE", f"{_index_path(name)}/documents", _reader(Emptied), params={"limit": str(limit)})


def post_documents(body: bytes) -> Call[list[Indexed]]:
    """Write a batch whose JSON is made already."""
    return Call(
        "POST",
        "/documents",
        lambda answer: _IndexedList.model_validate_json(answer).results,
        body=body,
        keyed=True,
    )


def documents_body(index: str | None, documents: Sequence[bytes], mode: WriteMode, written_by: Writer) -> bytes:
    """Put documents that are JSON already into one body."""
    head = _json({"index": index, "mode": mode, "written_by": written_by})
    return b'%s,"documents":[%s]}' % (head[:-1], b",".join(documents))


def put_part(upload_id: UUID, part: int, index: str | None, chunks: Sequence[bytes]) -> Call[None]:
    """Send a part of a document; the chunks are JSON already."""
    body = b'%s,"chunks":[%s]}' % (_json({"index": index})[:-1], b",".join(chunks))
    return Call("PUT", f"/uploads/{upload_id}/parts/{part}", _nothing, body=body)


def commit_upload(upload_id: UUID, index: str | None, head: bytes, parts: int) -> Call[Indexed]:
    """Make the parts a document; its head is JSON already."""
    body = b'%s,"document":%s}' % (_json({"index": index, "parts": parts})[:-1], head)
    return Call("POST", f"/uploads/{upload_id}/commit", _reader(Indexed), "commit", body=body)


def delete_upload(upload_id: UUID, index: str | None) -> Call[None]:
    """Forget an upload."""
    return Call("DELETE", f"/uploads/{upload_id}", _nothing, params=_given(index=index))


def patch_documents(index: str | None, updates: Sequence[Update]) -> Call[list[Changed]]:
    """Update metadata."""
    body = _json({"index": index, "updates": updates})
    return Call(
        "PATCH",
        "/documents",
        lambda answer: _ChangedList.model_validate_json(answer).results,
        body=body,
        keyed=True,
    )


def delete_documents(
    index: str | None, document_ids: Sequence[str], written_by: Writer | None, version: int | None
) -> Call[list[Changed]]:
    """Delete documents."""
    body = _json({"index": index, "document_ids": document_ids, "written_by": written_by, "version": version})
    return Call(
        "POST",
        "/documents/delete",
        lambda answer: _ChangedList.model_validate_json(answer).results,
        body=body,
        keyed=True,
    )


def get_document(index: str | None, document_id: str, *, embeddings: bool) -> Call[StoredDocument]:
    """Show a document. Dots are encoded too: "." and ".." mean something in a path."""
    path = f"/documents/{quote(document_id, safe='').replace('.', '%2E')}"
    params = _given(index=index, embeddings="true" if embeddings else None)
    return Call("GET", path, _reader(StoredDocument), "search", params)


def list_documents(
    index: str | None, cursor: str | None, limit: int, *, chunks: bool, embeddings: bool
) -> Call[DocumentPage]:
    """List a page of documents."""
    params = _given(
        index=index,
        cursor=cursor,
        limit=str(limit),
        chunks="true" if chunks else None,
        embeddings="true" if embeddings else None,
    )
    return Call("GET", "/documents", _reader(DocumentPage), "search", params)


def retrieve_chunks(
    index: str | None, sections: Sequence[Section], filters: Filters, *, include_hidden: bool
) -> Call[list[StoredChunk]]:
    """Look up sections of documents."""
    body = _json({
        "index": index, "sections": sections, "filters": _filters(filters), "include_hidden": include_hidden,
    })  # fmt: skip
    return Call(
        "POST",
        "/chunks/retrieve",
        lambda answer: _ChunkList.model_validate_json(answer).chunks,
        "search",
        body=body,
    )


def scan_chunks(
    index: str | None, document_ids: Sequence[str], cursor: str | None, limit: int, *, embeddings: bool
) -> Call[RawChunkPage]:
    """Read a page of raw chunks."""
    body = _json({
        "index": index, "document_ids": document_ids, "cursor": cursor, "limit": limit,
        "include_embeddings": embeddings,
    })  # fmt: skip
    return Call("POST", "/chunks/scan", _reader(RawChunkPage), "search", body=body)


def search(index: str | None, query: Search) -> Call[SearchAnswer]:
    """Search."""
    content = query.model_dump(mode="json", exclude={"filters"}, exclude_none=True)
    body = _json(content | {"index": index, "filters": _filters(query.filters)})
    return Call("POST", "/search", _reader(SearchAnswer), "search", body=body)


def ready() -> Call[Ready]:
    """Ask whether the service answers."""
    return Call("GET", "/health/ready", _reader(Ready), "search")


def _filters(filters: Filters) -> dict[str, Any]:
    """Leave out what is no condition, but say it when access is unrestricted."""
    given = filters.model_dump(mode="json", exclude_none=True, exclude={"access_control_list"})
    return given | {"access_control_list": filters.access_control_list}


def _json(content: object) -> bytes:
    return to_json(content, exclude_none=True)


def _reader(model: type[_Model]) -> Callable[[bytes], _Model]:
    adapter = TypeAdapter(model)
    return adapter.validate_json


def _nothing(_body: bytes) -> None:
    return None


def _index_path(name: str) -> str:
    return f"/indexes/{quote(name, safe='').replace('.', '%2E')}"


def _given(**params: str | None) -> dict[str, str]:
    return {name: value for name, value in params.items() if value is not None}

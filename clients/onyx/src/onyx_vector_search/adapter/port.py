"""Onyx's model change: raw chunks are read from one index, embedded anew and written to the other.

It goes past the DocumentIndex interface. What it calls is here, with the names and models it calls it by.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Protocol

from onyx.connectors.models import convert_metadata_list_of_strings_to_dict
from onyx.document_index.interfaces_new import TenantState
from onyx.document_index.opensearch.schema import DocumentChunk, DocumentChunkWithoutVectors

from onyx_vector_search.adapter.conversion import to_links, to_utc
from onyx_vector_search.answers import RawChunk
from onyx_vector_search.client import Client
from onyx_vector_search.models import Access, Chunk, Document, DocumentHead, WriteMode, Writer

_PAGE = 1000
_IDS_PER_REQUEST = 1000


class PgVectorChunkReader:
    """Reads the chunks of documents as they are stored, for whom they are visible or not.

    Parameters
    ----------
    client
        Of the tenant whose chunks these are: ids may repeat over tenants.
    index_name
        The index to read.
    tenant_state
        Stands in every chunk, where Onyx's models want it.
    """

    def __init__(self, client: Client, index_name: str, tenant_state: TenantState) -> None:
        self._client = client
        self._index_name = index_name
        self._tenant_state = tenant_state

    def iter_chunks_for_doc_ids(
        self, doc_ids: list[str], page_size: int = _PAGE
    ) -> Iterator[list[DocumentChunkWithoutVectors]]:
        """Yield pages of chunks by document id and chunk, without vectors.

        The position is that of the last chunk read: nothing on the server expires while a page is embedded.
        """
        unique = list(dict.fromkeys(doc_ids))
        for start in range(0, len(unique), _IDS_PER_REQUEST):
            ids = unique[start : start + _IDS_PER_REQUEST]
            for page in self._client.scan_chunks(ids, index=self._index_name, page_size=page_size):
                yield [from_raw(chunk, self._tenant_state) for chunk in page]


class ChunkWriter(Protocol):
    """What a model change writes with, whichever engine is behind it."""

    def index_raw_chunks(self, chunks: list[DocumentChunk], use_create_only: bool = False) -> None: ...  # noqa: FBT001, FBT002, D102

    def delete_port_written_chunks(self, document_ids: list[str]) -> int: ...  # noqa: D102


class PgVectorChunkWriter:
    """Writes raw chunks, and takes back what a port wrote."""

    def __init__(self, client: Client, index_name: str) -> None:
        self._client = client
        self._index_name = index_name

    def index_raw_chunks(self, chunks: list[DocumentChunk], use_create_only: bool = False) -> None:  # noqa: FBT001, FBT002  Onyx's signature
        """Write chunks. Create-only leaves alone whatever indexing proper has written of a document."""
        mode: WriteMode = "create" if use_create_only else "merge"
        for writer, group in _by_writer(chunks, use_create_only=use_create_only).items():
            self._client.index_documents(to_raw_documents(group), index=self._index_name, mode=mode, written_by=writer)

    def delete_port_written_chunks(self, document_ids: list[str]) -> int:
        """Delete what only a port wrote of some documents; return how many chunks went."""
        unique = list(dict.fromkeys(document_ids))
        deleted = 0
        for start in range(0, len(unique), _IDS_PER_REQUEST):
            ids = unique[start : start + _IDS_PER_REQUEST]
            changes = self._client.delete_documents(ids, index=self._index_name, written_by="port")
            deleted += sum(change.chunk_count for change in changes)
        return deleted


def to_raw_documents(chunks: Iterable[DocumentChunk]) -> Iterator[Document]:
    """Put raw chunks of the same document together, in whatever order they come."""
    ordered = sorted(chunks, key=lambda chunk: (chunk.document_id, chunk.chunk_index))
    for _, group in groupby(ordered, key=lambda chunk: chunk.document_id):
        parts = list(group)
        yield Document(_raw_head(parts[0]), map(_raw_chunk, parts))


def from_raw(chunk: RawChunk, tenant_state: TenantState) -> DocumentChunkWithoutVectors:
    """Show a stored chunk by Onyx's model of raw chunks; its text is as it was indexed."""
    return DocumentChunkWithoutVectors(
        document_id=chunk.document_id,
        chunk_index=chunk.chunk_index,
        title=chunk.title,
        content=chunk.content,
        source_type=chunk.source_type or "not_applicable",
        # The tags, not the metadata: they keep the order in which the metadata was embedded.
        metadata_list=chunk.tags or None,
        last_updated=chunk.updated_at,
        created_at=chunk.created_at,
        public=chunk.access.public,
        access_control_list=chunk.access.entries,
        hidden=chunk.hidden,
        written_by_port=True if chunk.written_by == "port" else None,
        global_boost=chunk.boost,
        semantic_identifier=chunk.semantic_identifier,
        image_file_id=chunk.image_file_id,
        source_links=json.dumps(chunk.source_links) if chunk.source_links else None,
        blurb=chunk.blurb,
        doc_summary=chunk.doc_summary,
        chunk_context=chunk.chunk_context,
        metadata_suffix=chunk.metadata_suffix,
        document_sets=chunk.document_sets or None,
        user_projects=chunk.project_ids or None,
        personas=chunk.persona_ids or None,
        primary_owners=chunk.primary_owners,
        secondary_owners=chunk.secondary_owners,
        ancestor_hierarchy_node_ids=chunk.hierarchy_node_ids or None,
        tenant_id=tenant_state,
    )


def _by_writer(chunks: list[DocumentChunk], *, use_create_only: bool) -> dict[Writer, list[DocumentChunk]]:
    """Tell the port's chunks from others; the service adds to a document only as its own writer."""
    other: Writer = "import" if use_create_only else "index"
    groups: dict[Writer, list[DocumentChunk]] = {}
    for chunk in chunks:
        groups.setdefault("port" if chunk.written_by_port else other, []).append(chunk)
    return groups


def _raw_head(chunk: DocumentChunk) -> DocumentHead:
    return DocumentHead(
        id=chunk.document_id,
        title=chunk.title,
        title_embedding=chunk.title_vector,
        semantic_identifier=chunk.semantic_identifier,
        source_type=chunk.source_type,
        metadata=dict(convert_metadata_list_of_strings_to_dict(chunk.metadata_list or [])),
        access=Access(public=chunk.public, entries=sorted(chunk.access_control_list)),
        document_sets=chunk.document_sets or [],
        project_ids=chunk.user_projects or [],
        persona_ids=chunk.personas or [],
        hierarchy_node_ids=chunk.ancestor_hierarchy_node_ids or [],
        boost=chunk.global_boost,
        hidden=chunk.hidden,
        created_at=to_utc(chunk.created_at),
        updated_at=to_utc(chunk.last_updated),
        primary_owners=chunk.primary_owners,
        secondary_owners=chunk.secondary_owners,
    )


def _raw_chunk(chunk: DocumentChunk) -> Chunk:
    links: dict[int, str] | None = json.loads(chunk.source_links) if chunk.source_links else None
    return Chunk(
        chunk_index=chunk.chunk_index,
        content=chunk.content,
        embedding=chunk.content_vector,
        blurb=chunk.blurb,
        doc_summary=chunk.doc_summary,
        chunk_context=chunk.chunk_context,
        metadata_suffix=chunk.metadata_suffix,
        source_links=to_links(links),
        image_file_id=chunk.image_file_id,
    )

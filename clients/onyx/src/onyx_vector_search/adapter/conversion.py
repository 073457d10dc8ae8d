"""Onyx's chunks as documents to index, and what is found as Onyx's chunks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, groupby
from typing import Any

from onyx.access.models import DocumentAccess
from onyx.configs.constants import PUBLIC_DOC_PAT, DocumentSource
from onyx.connectors.cross_connector_utils.miscellaneous_utils import get_experts_stores_representations
from onyx.connectors.models import BasicExpertInfo
from onyx.context.search.models import InferenceChunkUncleaned
from onyx.document_index.chunk_content_enrichment import generate_enriched_content_for_chunk_text
from onyx.document_index.interfaces_new import DocumentSectionRequest, MetadataUpdateRequest
from onyx.document_index.opensearch.constants import DEFAULT_MAX_CHUNK_SIZE
from onyx.indexing.models import DocMetadataAwareIndexChunk
from onyx.utils.logger import setup_logger
from onyx.utils.text_processing import remove_invalid_unicode_chars as clean

from onyx_vector_search.answers import StoredChunk
from onyx_vector_search.models import Access, Chunk, Document, DocumentHead, Section, Update

logger = setup_logger()


def to_documents(chunks: Iterable[DocMetadataAwareIndexChunk]) -> Iterator[Document]:
    """Put the chunks of each document together, reading the iterator as they are asked for.

    Large chunks are left out: they repeat the text of regular ones, whose numbers they share.
    """
    regular = (chunk for chunk in chunks if chunk.large_chunk_id is None)
    for _, group in groupby(regular, key=lambda chunk: chunk.source_document.id):
        first = next(group)
        yield Document(to_head(first), map(to_chunk, chain((first,), group)))  # noqa: B031  one walk in two steps


def to_head(chunk: DocMetadataAwareIndexChunk) -> DocumentHead:
    """Take from a chunk what holds for its document. hidden is not known here, so it is kept as it is."""
    document = chunk.source_document
    title = clean(document.get_title_for_document_index() or "") or None
    return DocumentHead(
        id=document.id,
        title=title,
        title_embedding=chunk.title_embedding if title else None,
        semantic_identifier=clean(document.semantic_identifier),
        source_type=document.source.value,
        metadata=_clean_metadata(document.metadata),
        access=to_access(chunk.access),
        document_sets=sorted(chunk.document_sets),
        project_ids=list(chunk.user_project),
        persona_ids=list(chunk.personas),
        hierarchy_node_ids=list(chunk.ancestor_hierarchy_node_ids),
        boost=int(chunk.boost),
        created_at=to_utc(document.doc_created_at),
        updated_at=to_utc(document.doc_updated_at),
        primary_owners=_owners(document.primary_owners),
        secondary_owners=_owners(document.secondary_owners),
    )


def to_chunk(chunk: DocMetadataAwareIndexChunk) -> Chunk:
    """Take from a chunk what is its own. All of its texts are cleaned alike.

    Reading strips the summary, the context and the metadata off the text by comparing; what was cleaned in
    one must be cleaned in the other.
    """
    return Chunk(
        chunk_index=chunk.chunk_id,
        content=clean(generate_enriched_content_for_chunk_text(chunk)),
        embedding=chunk.embeddings.full_embedding,
        blurb=clean(chunk.blurb),
        doc_summary=clean(chunk.doc_summary),
        chunk_context=clean(chunk.chunk_context),
        metadata_suffix=clean(chunk.metadata_suffix_keyword),
        source_links=to_links(chunk.source_links),
        image_file_id=chunk.image_file_id,
    )


def to_update(request: MetadataUpdateRequest) -> Update | None:
    """Translate; None if no field is named. Access is replaced as a whole, the public flag included."""
    update = Update(
        document_ids=request.document_ids,
        access=None if request.access is None else to_access(request.access),
        document_sets=None if request.document_sets is None else sorted(request.document_sets),
        boost=None if request.boost is None else int(request.boost),
        hidden=request.hidden,
        project_ids=None if request.project_ids is None else sorted(request.project_ids),
        persona_ids=None if request.persona_ids is None else sorted(request.persona_ids),
        created_at=to_utc(request.created_at),
    )
    if not request.document_ids or update.model_dump(exclude={"document_ids"}, exclude_none=True) == {}:
        return None
    return update


def to_sections(requests: Iterable[DocumentSectionRequest]) -> list[Section]:
    """Translate. There are chunks of one size only; a range that ends before the first chunk is empty."""
    return [
        Section(
            document_id=request.document_id,
            min_chunk_index=None if request.min_chunk_ind is None else max(0, request.min_chunk_ind),
            max_chunk_index=request.max_chunk_ind,
        )
        for request in requests
        if request.max_chunk_size == DEFAULT_MAX_CHUNK_SIZE and (request.max_chunk_ind or 0) >= 0
    ]


def to_links(links: Mapping[int, str] | None) -> dict[str, str] | None:
    """Spell offsets as JSON has them."""
    return {str(offset): clean(link) for offset, link in links.items()} if links else None


def from_links(links: Mapping[str, str] | None) -> dict[int, str] | None:
    """Read offsets, in their order: callers take the first one as the chunk's link."""
    return dict(sorted((int(key), link) for key, link in links.items())) if links else None


def to_access(access: DocumentAccess) -> Access:
    """Tell who may read: the entries, and apart from them whether everybody may."""
    return Access(public=access.is_public, entries=sorted(access.to_acl() - {PUBLIC_DOC_PAT}))


def to_utc(moment: datetime | None) -> datetime | None:
    """Take a time without a zone as UTC."""
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def from_chunk(
    stored: StoredChunk, *, score: float | None = None, highlights: Sequence[str] = ()
) -> InferenceChunkUncleaned:
    """Make the chunk Onyx cleans and hands on."""
    return InferenceChunkUncleaned(
        chunk_id=stored.chunk_index,
        blurb=stored.blurb,
        content=stored.content,
        source_links=from_links(stored.source_links),
        image_file_id=stored.image_file_id,
        section_continuation=False,
        document_id=stored.document_id,
        source_type=_source(stored.source_type),
        semantic_identifier=stored.semantic_identifier,
        title=stored.title,
        boost=stored.boost,
        score=score,
        hidden=stored.hidden,
        metadata=from_metadata(stored.metadata),
        match_highlights=list(highlights),
        doc_summary=stored.doc_summary,
        chunk_context=stored.chunk_context,
        updated_at=stored.updated_at,
        primary_owners=stored.primary_owners,
        secondary_owners=stored.secondary_owners,
        metadata_suffix=stored.metadata_suffix,
    )


def from_metadata(metadata: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """Return what Onyx allows in metadata: texts and lists of texts; others may have stored more."""
    return {
        key: [str(item) for item in value] if isinstance(value, list) else str(value) for key, value in metadata.items()
    }


def _source(name: str | None) -> DocumentSource:
    try:
        return DocumentSource(name or "")
    except ValueError:
        # Written by something else than Onyx, or by a newer one: no reason to fail the whole answer.
        logger.warning("The source type %r is not known to this Onyx.", name)
        return DocumentSource.NOT_APPLICABLE


def _owners(owners: list[BasicExpertInfo] | None) -> list[str] | None:
    names = get_experts_stores_representations(owners)
    return None if names is None else [clean(name) for name in names]


def _clean_metadata(metadata: Mapping[str, str | list[str]]) -> dict[str, str | list[str]]:
    return {
        clean(key): [clean(item) for item in value] if isinstance(value, list) else clean(value)
        for key, value in metadata.items()
    }

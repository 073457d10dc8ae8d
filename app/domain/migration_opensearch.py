"""OpenSearch's rows as Onyx writes them, one chunk each, as documents of ours (rules: docs/migration.md)."""

from app.domain import migration
from app.domain.documents import Access, Chunk, Document
from app.domain.migration import Fields, RowRejectedError, RowRules, RowSkippedError, SourceRow

CHUNK_SIZE = 512
"""The only size class Onyx writes; others come from experiments."""

VECTORS = ("content_vector", "title_vector")
"""The fields that are vectors."""


def read_row(fields: Fields, rules: RowRules) -> SourceRow:
    """Turn the ``_source`` of a hit into a document of one chunk.

    Raises
    ------
    RowRejectedError
        Something required is missing, or something is not what it should be.
    RowSkippedError
        It is of another size class.
    """
    if fields.get("max_chunk_size", CHUNK_SIZE) != CHUNK_SIZE:
        raise RowSkippedError("large_chunk")
    name = migration.document_id(fields.get("document_id"), rules.real_ids)
    if fields.get("tenant_id") != rules.source_tenant:
        raise RowRejectedError("tenant_mismatch", f"The row belongs to the tenant {fields.get('tenant_id')!r}.")
    title = (migration.optional_text(fields, "title") or "").strip() or None
    embedding = None if title is None else fields.get("title_vector")
    source_type = migration.label(fields, "source_type")
    if source_type is None:
        raise RowRejectedError("source_type_missing", "The row has no source_type.")
    entries = migration.labels(fields, "access_control_list")
    document = Document(
        id=name,
        semantic_identifier=migration.text(fields, "semantic_identifier"),
        access=Access(migration.flag(fields, "public"), entries or ()),
        title=title,
        source_type=source_type,
        metadata=migration.metadata(fields),
        document_sets=migration.labels(fields, "document_sets") or (),
        project_ids=migration.numbers(fields, "user_projects"),
        persona_ids=migration.numbers(fields, "personas"),
        hierarchy_node_ids=migration.numbers(fields, "ancestor_hierarchy_node_ids"),
        boost=migration.integer(fields, "global_boost", least=-(2**31)),
        hidden=migration.flag(fields, "hidden"),
        created_at=migration.moment(fields, "created_at"),
        updated_at=migration.moment(fields, "last_updated"),
        primary_owners=migration.owners(fields, "primary_owners"),
        secondary_owners=migration.owners(fields, "secondary_owners"),
        title_embedding=migration.vector(embedding, "title_embedding", rules.dimension),
        chunks=(_chunk(fields, rules),),
    )
    warnings = ("access_missing",) if entries is None and "public" not in fields else ()
    # Onyx's model change later asks for the documents it wrote.
    return SourceRow(document, warnings, "port" if migration.flag(fields, "written_by_port") else "import")


def lacks_vector(fields: Fields) -> bool:
    """Whether a row came without its vector: the k-NN plugin now and then derives it wrongly; ask again."""
    return not fields.get("content_vector")


def _chunk(fields: Fields, rules: RowRules) -> Chunk:
    embedding = migration.vector(fields.get("content_vector"), "embedding", rules.dimension)
    if embedding is None:
        raise RowRejectedError("embedding_missing", "The row has no content_vector.")
    return Chunk(
        chunk_index=migration.integer(fields, "chunk_index"),
        content=migration.text(fields, "content"),
        embedding=embedding,
        blurb=migration.optional_text(fields, "blurb") or "",
        doc_summary=migration.optional_text(fields, "doc_summary") or "",
        chunk_context=migration.optional_text(fields, "chunk_context") or "",
        metadata_suffix=migration.optional_text(fields, "metadata_suffix"),
        source_links=migration.source_links(fields),
        image_file_id=migration.label(fields, "image_file_id"),
    )

"""Vespa's rows as Onyx writes them (``danswer_chunk``), one chunk each, as documents of ours.

Rules: docs/migration.md. Onyx's own migration follows the same ones in
``tasks/opensearch_migration/transformer.py``.
"""

from collections.abc import Mapping
from typing import Any

from app.domain import migration
from app.domain.documents import Access, Chunk, Document
from app.domain.migration import Fields, RowRejectedError, RowRules, RowSkippedError, SourceRow
from app.domain.vectors import HalfVector

PUBLIC = "PUBLIC"
_MOST_CELLS = 16_000
FIELDS = (
    "document_id", "chunk_id", "title", "title_embedding", "content", "embeddings", "source_type", "metadata_list",
    "doc_updated_at", "hidden", "boost", "semantic_identifier", "image_file_name", "source_links", "blurb",
    "doc_summary", "chunk_context", "metadata_suffix", "document_sets", "user_project", "personas", "primary_owners",
    "secondary_owners", "access_control_list", "large_chunk_reference_ids",
)  # fmt: skip
"""What is asked for, without the tenant, which single-tenant schemas do not have."""

TENSORS = ("embeddings", "title_embedding")
"""Which of them are tensors."""


def read_row(fields: Fields, rules: RowRules) -> SourceRow:
    """Turn a row into a document of one chunk.

    Raises
    ------
    RowRejectedError
        Something required is missing, or something is not what it should be.
    RowSkippedError
        It is a large chunk.
    """
    if fields.get("large_chunk_reference_ids"):
        raise RowSkippedError("large_chunk")
    name = migration.document_id(fields.get("document_id"), rules.real_ids)
    _check_tenant(fields, rules)
    chunk = _chunk(fields, rules)
    access, warnings = _access(fields)
    title, title_embedding = _title(fields, rules)
    document = Document(
        id=name,
        semantic_identifier=migration.text(fields, "semantic_identifier"),
        access=access,
        title=title,
        source_type=migration.label(fields, "source_type"),
        metadata=migration.metadata(fields),
        document_sets=migration.labels(fields, "document_sets") or (),
        project_ids=migration.numbers(fields, "user_project"),
        persona_ids=migration.numbers(fields, "personas"),
        boost=migration.integer(fields, "boost", least=-(2**31)),
        hidden=migration.flag(fields, "hidden"),
        updated_at=migration.moment(fields, "doc_updated_at"),
        primary_owners=migration.owners(fields, "primary_owners"),
        secondary_owners=migration.owners(fields, "secondary_owners"),
        title_embedding=title_embedding,
        chunks=(chunk,),
    )
    if document.source_type is None:
        raise RowRejectedError("source_type_missing", "The row has no source_type.")
    return SourceRow(document, warnings)


def _chunk(fields: Fields, rules: RowRules) -> Chunk:
    content = migration.text(fields, "content")  # rows without are stubs that updates made
    embedding = migration.vector(_full_chunk(fields.get("embeddings")), "embedding", rules.dimension)
    if embedding is None:
        raise RowRejectedError("embedding_missing", "The row has no embedding of the full chunk.")
    return Chunk(
        chunk_index=migration.integer(fields, "chunk_id"),
        content=content,
        embedding=embedding,
        blurb=migration.optional_text(fields, "blurb") or "",
        doc_summary=migration.optional_text(fields, "doc_summary") or "",
        chunk_context=migration.optional_text(fields, "chunk_context") or "",
        metadata_suffix=migration.optional_text(fields, "metadata_suffix"),
        source_links=migration.source_links(fields),
        image_file_id=migration.label(fields, "image_file_name"),
    )


def _check_tenant(fields: Fields, rules: RowRules) -> None:
    tenant = fields.get("tenant_id")
    if rules.source_tenant is None:
        if tenant is not None:
            raise RowRejectedError("tenant_unexpected", f"The row belongs to the tenant {tenant!r}: name it.")
    elif tenant != rules.source_tenant:
        raise RowRejectedError("tenant_mismatch", f"The row belongs to the tenant {tenant!r}.")


def _access(fields: Fields) -> tuple[Access, tuple[str, ...]]:
    """Nobody reads a document that does not say who may, until its access is synchronised."""
    entries = migration.labels(fields, "access_control_list")
    if entries is None:
        return Access(public=False), ("access_missing",)
    return Access(PUBLIC in entries, tuple(entry for entry in entries if entry != PUBLIC)), ()


def _title(fields: Fields, rules: RowRules) -> tuple[str | None, HalfVector | None]:
    """A title may lack its embedding; an embedding without a title means nothing."""
    title = (migration.optional_text(fields, "title") or "").strip() or None
    if title is None:
        return None, None
    return title, migration.vector(_dense(fields.get("title_embedding")), "title_embedding", rules.dimension)


def _full_chunk(tensor: object) -> object:
    """Find the block ``full_chunk`` in any form Vespa writes a mixed tensor in.

    Source: "Document JSON format", tensor values, in Vespa's documentation.
    """
    if not isinstance(tensor, Mapping):
        return None
    blocks: Any = tensor.get("blocks", tensor)
    if isinstance(blocks, list):
        blocks = {_label(block): block.get("values") for block in blocks if isinstance(block, Mapping)}
    if isinstance(blocks, Mapping) and "full_chunk" in blocks:
        return blocks["full_chunk"]
    return _cells([cell for cell in _list(tensor.get("cells")) if _label(cell) == "full_chunk"])


def _dense(tensor: object) -> object:
    if not isinstance(tensor, Mapping):
        return tensor
    return tensor["values"] if "values" in tensor else _cells(_list(tensor.get("cells")))


def _label(block: Any) -> object:  # noqa: ANN401  JSON
    address = block.get("address") if isinstance(block, Mapping) else None
    return address.get("t") if isinstance(address, Mapping) else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _cells(cells: list[Any]) -> object:
    """Put single cells, the longest form, in the order of their places."""
    try:
        placed = {int(cell["address"]["x"]): cell["value"] for cell in cells}
    except (KeyError, TypeError, ValueError):
        raise RowRejectedError("embedding_invalid", "A tensor has cells without a place.") from None
    if not placed:
        return None
    if max(placed) >= _MOST_CELLS:
        raise RowRejectedError("embedding_invalid", f"A tensor has a cell at {max(placed)}.")
    return [placed.get(place, 0.0) for place in range(max(placed) + 1)]

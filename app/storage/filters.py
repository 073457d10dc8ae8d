"""Filters as the parameters of sql/fragments/document_filter.sql."""

from app.domain.documents import whole_seconds
from app.domain.filters import Filters, keeps_undated
from app.domain.keys import document_key
from app.storage.access import ReadableSets


def filter_values(filters: Filters, readable: ReadableSets | None) -> dict[str, object]:
    """Bind a filter. ``readable`` None is unrestricted: only for filters without an access control list.

    Raises
    ------
    ValueError
        The filter has an access control list that was not resolved.
    """
    if (readable is None) != (filters.access_control_list is None):
        raise ValueError("an access control list must be resolved before it filters")
    return {
        "hidden": filters.hidden,
        "acl_bitmap": None if readable is None else readable.bitmap,
        "acl_count": None if readable is None else readable.acl_count,
        "forced_document_sets": filters.forced_document_sets or None,
        "source_types": filters.source_type or None,
        "tags": filters.tags or None,
        "document_keys": [document_key(name) for name in filters.document_ids] or None,
        "hierarchy_node_ids": filters.hierarchy_node_ids or None,
        "document_sets": filters.document_sets or None,
        "persona_id": filters.persona_id,
        "project_id": filters.project_id,
        "created_from": whole_seconds(filters.created_at.start),
        "created_to": whole_seconds(filters.created_at.end),
        "updated_from": whole_seconds(filters.updated_at.start),
        "updated_to": whole_seconds(filters.updated_at.end),
        "keep_undated": keeps_undated(filters.updated_at),
        "metadata": filters.metadata,
    }

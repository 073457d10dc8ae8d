"""Onyx's filters in the service's words."""

from datetime import UTC, datetime

from onyx.context.search.models import IndexFilters
from onyx.context.search.models import TimeRange as OnyxTimeRange

from onyx_vector_search.models import Filters, Tag, TimeRange

_NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def to_filters(filters: IndexFilters, *, forced_sets: bool = True) -> Filters:
    """Translate. The tenant is not taken from here: some callers leave it out, others say what is not so.

    Parameters
    ----------
    filters
        As Onyx's callers fill them.
    forced_sets
        Whether the document sets an operator forces on searches hold; look-ups by id are not under them.
    """
    acl = filters.access_control_list
    return Filters(
        access_control_list=None if acl is None else list(acl),
        source_type=[source.value for source in filters.source_type or ()] or None,
        tags=[Tag(key=tag.tag_key, value=tag.tag_value) for tag in filters.tags or ()] or None,
        document_sets=filters.document_set or None,
        document_ids=filters.attached_document_ids or None,
        hierarchy_node_ids=filters.hierarchy_node_ids or None,
        persona_id=filters.persona_id_filter,
        project_id=filters.project_id_filter,
        forced_document_sets=(filters.forced_document_set or None) if forced_sets else None,
        created_at=_range(filters.created_at_range),
        updated_at=_range(filters.updated_at_range),
    )


def _range(window: OnyxTimeRange | None) -> TimeRange | None:
    """Translate a window; one that ends before it starts holds no date, but keeps the undated as ever."""
    if window is None or (window.start is None and window.end is None):
        return None
    start, end = _utc(window.start), _utc(window.end)
    if start is not None and end is not None and start > end:
        return TimeRange(start=_NEVER, end=_NEVER)
    return TimeRange(start=start, end=end)


def _utc(moment: datetime | None) -> datetime | None:
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC)

"""What a request may see and wants to see (docs/filter-semantics.md)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

from app.domain.documents import whole_seconds

UNDATED_GRACE = timedelta(days=90)
"""Documents without a date of update pass an open range that starts longer ago than this."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Two moments, both included; None leaves an end open."""

    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """Everything is ANDed; document_ids to project_id are one clause, of which any part suffices.

    An empty or missing list is no condition, but for the access control list: None is unrestricted,
    an empty one sees public documents only. ``access_given`` False: the request said nothing about access,
    which an index under access control refuses.
    """

    access_control_list: Sequence[str] | None = None
    access_given: bool = True
    hidden: bool | None = False
    source_type: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    forced_document_sets: tuple[str, ...] = ()
    document_ids: tuple[str, ...] = ()
    hierarchy_node_ids: tuple[int, ...] = ()
    document_sets: tuple[str, ...] = ()
    persona_id: int | None = None
    project_id: int | None = None
    created_at: TimeRange = TimeRange()
    updated_at: TimeRange = TimeRange()
    metadata: Mapping[str, Any] | None = None

    @property
    def is_open(self) -> bool:
        """Whether every visible document passes."""
        return bool(_conditions(self) == _OPEN)

    @property
    def is_indexed(self) -> bool:
        """Whether an index leads to what passes (sql/fragments/document_narrowing.sql); else documents are scanned."""
        scope = (self.document_ids, self.hierarchy_node_ids, self.document_sets)
        groups = (self.persona_id, self.project_id)
        return bool(
            self.source_type
            or self.tags
            or self.forced_document_sets
            or any(scope)
            or any(group is not None for group in groups)
        )


_conditions = attrgetter(*(each.name for each in fields(Filters) if each.name != "access_given"))
_OPEN = _conditions(Filters())


class PermittedFilters(Filters):
    """Filters that a credential allows, made by `app.domain.callers.Grant.permit`: what reads takes these only."""

    __slots__ = ()


def keeps_undated(updated_at: TimeRange, now: datetime | None = None) -> bool:
    """Whether documents without a date of update pass a range: open at its end, and long ago at its start."""
    start = whole_seconds(updated_at.start)
    if start is None or updated_at.end is not None:
        return False
    return start < (now or datetime.now(UTC)) - UNDATED_GRACE

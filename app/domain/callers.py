"""Who calls: what a credential allows, and how that narrows what a request asks for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any, TypeVar

from app.domain.errors import ForbiddenError
from app.domain.filters import Filters, PermittedFilters, TimeRange

_KNOWLEDGE_SCOPE = ("document_ids", "hierarchy_node_ids", "document_sets", "persona_id", "project_id")
_LISTS = ("source_type", "tags", "forced_document_sets")

T = TypeVar("T")


class Scope(StrEnum):
    """What a credential may do. None of them contains another."""

    READ = "read"
    """Search and look up under an access list."""
    WRITE = "write"
    """Write, update and delete documents."""
    ADMIN = "admin"
    """Create and drop indexes; ask why somebody sees something."""
    UNRESTRICTED = "unrestricted"
    """Read without an access list, read what is stored, and issue search tokens."""


EVERY_SCOPE = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a credential allows.

    Attributes
    ----------
    name
        Of the credential, for logs: never a secret.
    scopes
        What it may do.
    tenants, indexes
        Where; None is everywhere.
    enforced
        Of a search token: what every read is narrowed to. Its access list is one.
    key_id
        The key behind it, which can be revoked.
    bucket
        Whose rate it counts towards; the name unless it is another.
    """

    name: str
    scopes: frozenset[Scope] = EVERY_SCOPE
    tenants: frozenset[str] | None = None
    indexes: frozenset[str] | None = None
    enforced: Filters | None = None
    key_id: str | None = None
    bucket: str = field(default="")

    def check_scopes(self, needed: Iterable[Scope]) -> None:
        """Refuse what the scopes do not cover.

        Raises
        ------
        ForbiddenError
            One is missing.
        """
        if missing := [scope for scope in needed if scope not in self.scopes]:
            raise ForbiddenError(f"This key lacks the scope {' and '.join(missing)}.")

    def tenant(self, given: str | None) -> str:
        """Return the tenant a request speaks for: the one it names, else the only one there is, else public.

        Raises
        ------
        ForbiddenError
            The credential is of another tenant.
        """
        if given is None and self.tenants is not None and len(self.tenants) == 1:
            return next(iter(self.tenants))
        tenant_id = "public" if given is None else given
        if self.tenants is not None and tenant_id not in self.tenants:
            raise ForbiddenError("This key is for other tenants.")
        return tenant_id

    def index(self, given: str | None, default: str) -> str | None:
        """Return the index a request is about: None is the default one, unless there is only one for this key.

        Raises
        ------
        ForbiddenError
            The credential is for other indexes.
        """
        if self.indexes is None or (given or default) in self.indexes:
            return given
        if given is None and len(self.indexes) == 1:
            return next(iter(self.indexes))
        raise ForbiddenError("This key is for other indexes.")

    def sees_index(self, name: str) -> bool:
        """Whether an index may be listed."""
        return self.indexes is None or name in self.indexes

    def permit(self, filters: Filters) -> PermittedFilters:
        """Turn what a request wants to see into what it gets to see: the only way to filters that read.

        Raises
        ------
        ForbiddenError
            It wants more than the credential allows.
        """
        if self.enforced is not None:
            filters = _narrowed(filters, self.enforced)
        elif filters.access_given and filters.access_control_list is None:
            self.check_scopes([Scope.UNRESTRICTED])
        return PermittedFilters(*_values_of(filters))


_values_of = attrgetter(*(each.name for each in fields(Filters)))

OPERATOR = Grant("operator")
"""Whoever runs commands beside the database: nothing is kept from them."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A credential at work for a tenant."""

    grant: Grant
    tenant_id: str


def _narrowed(wanted: Filters, enforced: Filters) -> Filters:
    """Return filters that let nothing through that either would not."""
    if wanted.hidden is not enforced.hidden and enforced.hidden is not None:
        raise _widening("hidden")
    lists: dict[str, Any] = {name: _part_of(name, getattr(wanted, name), getattr(enforced, name)) for name in _LISTS}
    return replace(
        wanted,
        access_control_list=_entries(wanted, enforced),
        access_given=True,
        created_at=_overlap(wanted.created_at, enforced.created_at),
        updated_at=_overlap(wanted.updated_at, enforced.updated_at),
        metadata=_both(wanted.metadata, enforced.metadata),
        **lists,
        **_scope(wanted, enforced),
    )


def _entries(wanted: Filters, enforced: Filters) -> Sequence[str]:
    allowed = enforced.access_control_list or ()
    if not wanted.access_given:
        return allowed
    if wanted.access_control_list is None:
        raise _widening("access_control_list")
    known = frozenset(allowed)
    return tuple(entry for entry in wanted.access_control_list if entry in known)


def _part_of(name: str, wanted: tuple[T, ...], allowed: tuple[T, ...]) -> tuple[T, ...]:
    """Any of a list suffices, so a part of it is narrower; an empty one is no condition at all."""
    if not allowed or not wanted:
        return wanted or allowed
    if not set(wanted) <= set(allowed):
        raise _widening(name)
    return wanted


def _scope(wanted: Filters, enforced: Filters) -> dict[str, Any]:
    """The knowledge scope is one clause of which any part suffices: a part more would widen it."""
    asked = {name: getattr(wanted, name) for name in _KNOWLEDGE_SCOPE}
    allowed = {name: getattr(enforced, name) for name in _KNOWLEDGE_SCOPE}
    if not any(_is_set(value) for value in allowed.values()):
        return asked
    if not any(_is_set(value) for value in asked.values()):
        return allowed
    for name, value in asked.items():
        most = allowed[name]
        within = set(value) <= set(most) if isinstance(value, tuple) else value in {None, most}
        if not within:
            raise _widening(name)
    return asked


def _is_set(value: object) -> bool:
    return value is not None and value != ()


def _overlap(one: TimeRange, other: TimeRange) -> TimeRange:
    starts = [_comparable(each.start) for each in (one, other) if each.start is not None]
    ends = [_comparable(each.end) for each in (one, other) if each.end is not None]
    return TimeRange(max(starts, default=None), min(ends, default=None))


def _comparable(moment: datetime) -> datetime:
    """A time without a zone is UTC, as everywhere."""
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _both(wanted: Mapping[str, Any] | None, enforced: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if not wanted or not enforced:
        return wanted or enforced
    if any(key in enforced and enforced[key] != value for key, value in wanted.items()):
        raise _widening("metadata")
    return {**wanted, **enforced}


def _widening(name: str) -> ForbiddenError:
    return ForbiddenError(f"The token sets filters.{name}; a search may narrow that, not change it.")

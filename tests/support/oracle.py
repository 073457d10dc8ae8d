"""What a request may see and wants to see, in plain Python over plain JSON.

Written from the words of the contract, never from the SQL, and sharing no code with the service: where the
two differ, one of them is wrong. Documents and filters are bodies as a client sends them.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

Json = Mapping[str, Any]

GRACE = timedelta(days=90)


def passes(document: Json, filters: Json, *, include_hidden: bool, now: datetime) -> bool:
    """Whether a document's chunks may be answered."""
    return (
        _hidden_allows(document, filters, include_hidden=include_hidden)
        and _may_read(document, filters.get("access_control_list"))
        and _overlaps(document.get("document_sets"), filters.get("forced_document_sets"))
        and _source_allows(document, filters.get("source_type"))
        and _has_a_tag(document, filters.get("tags"))
        and _in_scope(document, filters)
        and _created_within(document, filters.get("created_at"))
        and _updated_within(document, filters.get("updated_at"), now)
        and contains(document.get("metadata", {}), filters.get("metadata") or {})
    )


def _hidden_allows(document: Json, filters: Json, *, include_hidden: bool) -> bool:
    hidden = bool(document.get("hidden"))
    wanted = filters.get("hidden")
    if wanted is not None:
        return bool(wanted == hidden)
    return include_hidden or not hidden


def _may_read(document: Json, readers: Sequence[str] | None) -> bool:
    if readers is None:
        return True
    access = document["access"]
    return access["public"] or any(reader in access["entries"] for reader in readers)


def _overlaps(has: Sequence[Any] | None, wanted: Sequence[Any] | None) -> bool:
    """No list, or an empty one, is no condition."""
    return not wanted or any(item in (has or ()) for item in wanted)


def _source_allows(document: Json, sources: Sequence[str] | None) -> bool:
    return not sources or document.get("source_type") in tuple(sources)


def _has_a_tag(document: Json, tags: Sequence[Json] | None) -> bool:
    """Any of them, whether their keys are equal or not; a tag is the text key===value."""
    if not tags:
        return True
    has = set()
    for key, value in document.get("metadata", {}).items():
        for single in value if isinstance(value, list) else [value]:
            if isinstance(single, str):
                has.add(f"{key}==={single}")
    return any(f"{tag['key']}==={tag['value']}" in has for tag in tags)


def _in_scope(document: Json, filters: Json) -> bool:
    """The knowledge scope: with none of the five there is none, else any one suffices. 0 is an id."""
    ids, nodes, sets = (filters.get(name) for name in ("document_ids", "hierarchy_node_ids", "document_sets"))
    persona, project = filters.get("persona_id"), filters.get("project_id")
    if not ids and not nodes and not sets and persona is None and project is None:
        return True
    return (
        (document["id"] in (ids or ()))
        or (bool(nodes) and _overlaps(document.get("hierarchy_node_ids"), nodes))
        or (bool(sets) and _overlaps(document.get("document_sets"), sets))
        or (persona is not None and persona in document.get("persona_ids", ()))
        or (project is not None and project in document.get("project_ids", ()))
    )


def _created_within(document: Json, wanted: Json | None) -> bool:
    start, end = _bounds(wanted)
    created = _second(document.get("created_at"))
    if (start is None and end is None) or created is None:
        return True
    return (start is None or start <= created) and (end is None or created <= end)


def _updated_within(document: Json, wanted: Json | None, now: datetime) -> bool:
    start, end = _bounds(wanted)
    updated = _second(document.get("updated_at"))
    if start is None and end is None:
        return True
    if updated is None:
        return start is not None and end is None and start < now - GRACE
    return (start is None or start <= updated) and (end is None or updated <= end)


def _bounds(wanted: Json | None) -> tuple[datetime | None, datetime | None]:
    wanted = wanted or {}
    return _second(wanted.get("start")), _second(wanted.get("end"))


def _second(text: str | None) -> datetime | None:
    """Read a time, cut to whole seconds of UTC; one without a zone is UTC."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).replace(microsecond=0)


def contains(whole: Any, part: Any) -> bool:  # noqa: ANN401  JSON
    """PostgreSQL's ``@>`` of jsonb within an object, by the manual (8.14.3): no case for a bare scalar in an array."""
    if isinstance(part, Mapping):
        return isinstance(whole, Mapping) and all(
            key in whole and contains(whole[key], value) for key, value in part.items()
        )
    if isinstance(part, list):
        return isinstance(whole, list) and all(any(contains(item, wanted) for item in whole) for wanted in part)
    if isinstance(whole, bool) or isinstance(part, bool):  # Python's True is 1, JSON's is not
        return whole is part
    return not isinstance(whole, Mapping | list) and bool(whole == part)


def meant_by(asked: str, document_ids: Sequence[str]) -> str | None:
    """Which document a look-up by id means: that one, else the first that is spelt so with _ for '."""
    if asked in document_ids:
        return asked
    return min((name for name in document_ids if name.replace("'", "_") == asked), default=None)

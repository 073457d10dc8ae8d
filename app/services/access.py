"""Who may read what: access lists resolved once and remembered."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from app.domain.errors import AccessListMissingError, Flaw
from app.domain.filters import Filters
from app.domain.indexes import Index
from app.domain.keys import entry_key
from app.observability import metrics
from app.storage.access import AccessRepository, ReadableSets
from app.storage.filters import filter_values

_REMEMBERED = 256


class AccessResolver:
    """The one way from a request's filters to the parameters of a statement.

    What a list may read is remembered by a digest of the list. It is out of date as soon as the index has
    more access lists than it was made for; every statement says how many it saw, so a change by any process
    is noticed by the very next query (`is_stale`).
    """

    def __init__(self, access: AccessRepository) -> None:
        self._access = access
        self._known: OrderedDict[tuple[int, bytes], ReadableSets] = OrderedDict()

    async def resolve(self, index: Index, filters: Filters, *, anew: bool = False) -> dict[str, object]:
        """Bind filters for an index.

        Raises
        ------
        AccessListMissingError
            The index is under access control, and the filters do not speak of it.
        """
        if index.access_control and not filters.access_given:
            raise AccessListMissingError(
                f'The index "{index.name}" is under access control: say who asks.',
                [
                    Flaw(
                        "/filters/access_control_list",
                        "required",
                        "A list of entries, [] for public documents only, or null for unrestricted.",
                    )
                ],
            )
        if filters.access_control_list is None:
            return filter_values(filters, None)
        readable = await self._readable(index, filters.access_control_list, anew=anew)
        return filter_values(filters, readable)

    async def is_stale(self, index: Index, values: Mapping[str, object], rows: Sequence[Mapping[str, Any]]) -> bool:
        """Whether access lists came up that the parameters of a finished statement did not know."""
        if values["acl_bitmap"] is None:
            return False
        seen = rows[0]["acl_count"] if rows else await self._access.count(index)
        return bool(seen != values["acl_count"])

    async def _readable(self, index: Index, entries: Sequence[str], *, anew: bool) -> ReadableSets:
        # No entry can hold a NUL, so that no two lists read alike; the count tells [""] from [].
        spelt = "\0".join((str(len(entries)), *entries))
        key = (index.index_id, blake2b(spelt.encode(), digest_size=16).digest())
        known = self._known.get(key)
        if known is not None and not anew:
            self._known.move_to_end(key)
            metrics.ACCESS_CACHE.labels("hit").inc()
            return known
        metrics.ACCESS_CACHE.labels("stale" if known is not None else "miss").inc()
        readable = await self._access.resolve(index, [entry_key(entry) for entry in entries])
        self._known[key] = readable
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return readable

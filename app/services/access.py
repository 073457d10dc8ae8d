"""Who may read what: access lists resolved once and remembered."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from app.domain.entries import entries_digest
from app.domain.errors import AccessListMissingError, Flaw
from app.domain.filters import PermittedFilters
from app.domain.indexes import Index
from app.observability import metrics
from app.services.catalog import IndexCatalog
from app.storage.access import AccessRepository, ReadableSets
from app.storage.filters import filter_values

_REMEMBERED = 256
_ATTEMPTS = 4
"""Times a search is made until no access list came up meanwhile; one more is taken as it is."""

T = TypeVar("T")

_Key = tuple[tuple[str, str], int, bytes]
"""A server, an index, and the digest of a list."""


class AccessResolver:
    """The one way from a request's filters to the parameters of a statement.

    What a list may read is remembered by a digest of the list. It is out of date as soon as the index has
    more access lists than it was made for; every statement says how many it saw, so a change by any process
    is noticed by the very next query (`is_stale`). The searches of one chat turn come at once and with the
    same list: the first resolves it, the others wait for that. Standbys lag, and a failover may lose lists whose
    numbers are given out anew: each server has answers of its own, until it is restarted.
    """

    def __init__(self, access: AccessRepository, catalog: IndexCatalog) -> None:
        self._access = access
        self._catalog = catalog
        self._known: OrderedDict[_Key, ReadableSets] = OrderedDict()
        self._under_way: dict[_Key, asyncio.Task[ReadableSets]] = {}

    async def resolve(self, index: Index, filters: PermittedFilters, *, anew: bool = False) -> dict[str, object]:
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

    async def answered(
        self,
        index: Index,
        filters: PermittedFilters,
        ask: Callable[[Mapping[str, object]], Awaitable[tuple[T, Sequence[Mapping[str, Any]]]]],
    ) -> tuple[T, Sequence[Mapping[str, Any]]]:
        """Ask with the filters bound, and again for as long as lists came up meanwhile that they did not know.

        A document that goes over to a list made since then would be kept back, whatever the list says. While
        lists are made faster than searches end, the last attempt stands: it knows every list there was when it
        began, and keeps back rather than shows. Where nothing is found, the index may be gone.

        Raises
        ------
        IndexNotFoundError
            It was dropped.
        """
        values = await self.resolve(index, filters)
        answer, rows = await ask(values)
        attempts = 0
        while (seen := await self._count_seen(index, values, rows)) != values["acl_count"] and attempts < _ATTEMPTS:
            values = await self.resolve(index, filters, anew=True)
            answer, rows = await ask(values)
            attempts += 1
        if not rows and not seen:  # an index that has lists after the search was there all the time
            await self._catalog.confirm(index)
        return answer, rows

    async def is_stale(self, index: Index, values: Mapping[str, object], rows: Sequence[Mapping[str, Any]]) -> bool:
        """Whether access lists came up that the parameters of a finished statement did not know."""
        return await self._count_seen(index, values, rows) != values["acl_count"]

    async def _count_seen(
        self, index: Index, values: Mapping[str, object], rows: Sequence[Mapping[str, Any]]
    ) -> int | None:
        """Return how many access lists there were when a statement ran, or a little later; None: it heeded none."""
        if values["acl_count"] is None:
            return None
        return int(rows[0]["acl_count"]) if rows else await self._access.count(index)

    async def _readable(self, index: Index, entries: Sequence[str], *, anew: bool) -> ReadableSets:
        key = (self._access.server_key(), index.index_id, entries_digest(entries))
        known = self._known.get(key)
        if known is not None and not anew:
            self._known.move_to_end(key)
            metrics.labelled(metrics.ACCESS_CACHE, "hit").inc()
            return known
        metrics.labelled(metrics.ACCESS_CACHE, "stale" if known is not None else "miss").inc()
        task = None if anew else self._under_way.get(key)  # what began before may not know what came up since
        if task is None:
            task = asyncio.create_task(self._look_up(index, key, entries))
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(task)  # a request that is cancelled leaves it to the others

    async def _look_up(self, index: Index, key: _Key, entries: Sequence[str]) -> ReadableSets:
        readable = await self._access.resolve(index, entries)
        if self._under_way.get(key) is asyncio.current_task():  # none that began later has taken its place
            self._known[key] = readable
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return readable

    def _forget(self, key: _Key, task: asyncio.Task[ReadableSets]) -> None:
        if self._under_way.get(key) is task:
            del self._under_way[key]
        if not task.cancelled():
            task.exception()  # those who wait have it; if nobody does, asyncio shall not complain

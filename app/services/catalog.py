"""Indexes: creating, finding and dropping them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from time import monotonic
from typing import TypeVar

from app.domain.errors import (
    Flaw,
    IndexMismatchError,
    IndexNotFoundError,
    InvalidRequestError,
    TablesBusyError,
    TenantNotFoundError,
)
from app.domain.indexes import AnnState, Index, IndexSettings, IndexSize
from app.domain.quantisation import Quantisation
from app.domain.ranking import RANK_PROFILES
from app.storage.database import Database
from app.storage.indexes import IndexRepository
from app.text.languages import SUPPORTED_LANGUAGES, language_named
from app.text.tokeniser import TOKENISER_VERSION

_FRESH_SECONDS = 1.0
_DROP_ATTEMPTS = 50
_DROP_PAUSE = 0.2

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class IndexState:
    """An index with what it holds and how its graph stands."""

    index: Index
    size: IndexSize
    ann: AnnState


class IndexCatalog:
    """The catalogue, remembered for a second: no search pays for looking its index up.

    A remembered index may have been dropped meanwhile by another process. Searches find that out when they
    find nothing, writes when there is no partition for them.
    """

    def __init__(self, database: Database, indexes: IndexRepository, default_name: str) -> None:
        self._database = database
        self._indexes = indexes
        self._default_name = default_name
        self._known: dict[tuple[str, str], tuple[Index, float]] = {}
        self._ann: tuple[dict[int, AnnState], float] = ({}, 0.0)

    async def get(self, tenant_id: str, name: str | None) -> Index:
        """Return an index of a tenant; None is the default one.

        Raises
        ------
        IndexNotFoundError
            The tenant has no such index.
        TenantNotFoundError
            The tenant has no index at all.
        """
        key = (tenant_id, name or self._default_name)
        known = self._known.get(key)
        if known is not None and monotonic() - known[1] < _FRESH_SECONDS:
            return known[0]
        index = await self._indexes.find(*key)
        if index is None:
            self._known.pop(key, None)
            raise await self._not_found(*key)
        self._known[key] = (index, monotonic())
        return index

    async def get_anew(self, index: Index) -> Index:
        """Return the index that has the name of a remembered one now.

        Raises
        ------
        IndexNotFoundError
            There is none any more.
        """
        self._known.pop((index.tenant_id, index.name), None)
        return await self.get(index.tenant_id, index.name)

    async def confirm(self, index: Index) -> None:
        """Make sure that a remembered index still is the one of its name.

        Raises
        ------
        IndexNotFoundError
            It was dropped.
        """
        if (await self.get_anew(index)).index_id != index.index_id:
            raise IndexNotFoundError(f'The index "{index.name}" was dropped and made anew; try again.')

    async def put(
        self, tenant_id: str, name: str, settings: IndexSettings, *, reset: bool = False
    ) -> tuple[Index, bool]:
        """Create an index, or make sure that the one there is what is asked for; return whether it is new.

        Callers that race get the same index. ``reset`` drops an index that differs. The quantisation of an index may
        change: it is taken over, and the maintainer builds the graph anew.

        Raises
        ------
        IndexMismatchError
            It exists with other settings.
        InvalidRequestError
            The language or the rank profile is unknown.
        """
        settings = _checked(settings)
        index, created = await _patiently(lambda: self._put(tenant_id, name, settings, reset=reset))
        self._known.pop((tenant_id, name), None)
        return index, created

    async def make_default(self, index: Index) -> None:
        """Let the SQL function search_documents() read an index."""
        async with self._database.transaction() as session:
            await self._indexes.make_default(session, index)

    async def drop(self, tenant_id: str, name: str) -> None:
        """Drop an index with all it holds, in constant time."""

        async def drop() -> None:
            async with self._database.transaction() as session:
                await self._indexes.lock(session, tenant_id, name)
                index = await self._indexes.find_in(session, tenant_id, name)
                if index is None:
                    raise await self._not_found(tenant_id, name)
                await self._indexes.drop(session, index)

        await _patiently(drop)
        self._known.pop((tenant_id, name), None)

    async def list_states(self, tenant_id: str) -> list[IndexState]:
        """Return every index of a tenant with its state."""
        states = await self._indexes.ann_states()
        return [await self._state(index, states) for index in await self._indexes.list_all(tenant_id)]

    async def state(self, tenant_id: str, name: str) -> IndexState:
        """Return one index with its state."""
        self._known.pop((tenant_id, name), None)
        index = await self.get(tenant_id, name)
        return await self._state(index, await self._indexes.ann_states())

    async def answering_graph(self, index: Index) -> Quantisation | None:
        """Return the quantisation of the HNSW graph that searches take, as of a second ago; None without a graph."""
        states, at = self._ann
        if monotonic() - at > _FRESH_SECONDS:
            states = await self._indexes.ann_states()
            self._ann = (states, monotonic())
        return states.get(index.index_id, AnnState()).answering(index)

    async def _put(self, tenant_id: str, name: str, settings: IndexSettings, *, reset: bool) -> tuple[Index, bool]:
        async with self._database.transaction() as session:
            existing = await self._indexes.find_in(session, tenant_id, name)
            if existing is None or reset:
                await self._indexes.lock(session, tenant_id, name)
                existing = await self._indexes.find_in(session, tenant_id, name)
            differences = [] if existing is None else _differences(existing, settings)
            if existing is not None and differences and reset:
                await self._indexes.drop(session, existing)
                existing = None
            elif differences:
                raise IndexMismatchError(
                    f'The index "{name}" exists with {" and ".join(differences)}. '
                    f"To replace it with all it holds: DELETE /indexes/{name}, or PUT with ?reset=true."
                )
            if existing is not None:
                if settings.quantisation in {None, existing.quantisation}:
                    return existing, False
                return await self._indexes.set_quantisation(session, existing, settings.quantisation), False
            index = await self._indexes.create(
                session,
                tenant_id=tenant_id,
                name=name,
                embedding_dimension=settings.embedding_dimension,
                language=settings.language or "english",
                access_control=True if settings.access_control is None else settings.access_control,
                rank_profile=settings.rank_profile or "default",
                tokeniser_version=TOKENISER_VERSION,
                quantisation=settings.quantisation or "none",
            )
        return index, True

    async def settle_average_length(self, index: Index, average_length: float) -> None:
        """Let a new index reckon with the average length of the one it is a copy of."""
        await self._indexes.settle_average_length(index, average_length)
        self._known.pop((index.tenant_id, index.name), None)

    async def _state(self, index: Index, states: Mapping[int, AnnState]) -> IndexState:
        return IndexState(index, await self._indexes.size(index), states.get(index.index_id, AnnState()))

    async def _not_found(self, tenant_id: str, name: str) -> IndexNotFoundError | TenantNotFoundError:
        if not await self._indexes.list_all(tenant_id):
            return TenantNotFoundError(f'The tenant "{tenant_id}" has no index. PUT /indexes/{{name}} creates one.')
        return IndexNotFoundError(f'There is no index "{name}". PUT /indexes/{name} creates it.')


async def _patiently(work: Callable[[], Awaitable[_T]]) -> _T:
    """Do what needs tables alone, again and again for some seconds: others are let through in between."""
    for _ in range(_DROP_ATTEMPTS):
        try:
            return await work()
        except TablesBusyError:
            await asyncio.sleep(_DROP_PAUSE)
    return await work()


def _checked(settings: IndexSettings) -> IndexSettings:
    if settings.rank_profile is not None and settings.rank_profile not in RANK_PROFILES:
        known = ", ".join(RANK_PROFILES)
        raise InvalidRequestError(
            "There is no such rank profile.", [Flaw("/rank_profile", "unknown", f"One of {known}.")]
        )
    if settings.language is None:
        return settings
    try:
        return replace(settings, language=language_named(settings.language).name)
    except ValueError as error:
        known = ", ".join(SUPPORTED_LANGUAGES)
        raise InvalidRequestError(
            "There is no such language.", [Flaw("/language", "unknown", f"One of {known}.")]
        ) from error


def _differences(index: Index, settings: IndexSettings) -> list[str]:
    pairs = {
        "embedding_dimension": settings.embedding_dimension,
        "language": settings.language,
        "access_control": settings.access_control,
        "rank_profile": settings.rank_profile,
    }
    return [
        f"{name} {getattr(index, name)} instead of {value}"
        for name, value in pairs.items()
        if value is not None and getattr(index, name) != value
    ]

"""What makes first searches slow, done before readiness: connections, plans, caches and the code itself."""

import asyncio

import numpy as np
import structlog

from app.domain.callers import OPERATOR
from app.domain.errors import ServiceError
from app.domain.filters import Filters
from app.domain.indexes import Index
from app.domain.search import Mode, Search
from app.services.catalog import IndexCatalog
from app.services.searching import SearchService
from app.storage.database import Database

log = structlog.get_logger()

_INDEXES = 4
"""The largest ones; the first searches of others find a warm process at least."""
_SECONDS = 20.0
_QUERY = "warm"
_MODES: tuple[Mode, ...] = ("semantic", "keyword", "hybrid", "random")


class WarmUp:
    """Opens every connection and searches on each; a service that cannot be warmed in time starts cold."""

    def __init__(self, database: Database, catalog: IndexCatalog, search: SearchService, tenant_id: str) -> None:
        self._database = database
        self._catalog = catalog
        self._search = search
        self._tenant_id = tenant_id

    async def run(self) -> None:
        """Do it, for some seconds at most."""
        try:
            async with asyncio.timeout(_SECONDS):
                connections = await self._database.connect_all()
                states = await self._catalog.list_states(self._tenant_id)
                largest = sorted(states, key=lambda state: state.size.chunks, reverse=True)[:_INDEXES]
                for state in largest:
                    await self._search_all(state.index, connections)
        except (ServiceError, TimeoutError) as error:
            log.warning("warm_up_incomplete", error=type(error).__name__, detail=str(error))

    async def _search_all(self, index: Index, connections: int) -> None:
        """Search in every mode on all connections at once: each has plans of its own."""
        embedding = np.ones(index.embedding_dimension, np.float32)
        for mode in _MODES:
            search = Search(OPERATOR.permit(Filters()), query=_QUERY, embedding=embedding, mode=mode, limit=1)
            await asyncio.gather(*(self._search.rehearse(index, search) for _ in range(connections)))

"""From a process to a service that answers: wait for the schema, make the default index."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from app.domain.errors import ConfigurationError, IndexMismatchError, ServiceError
from app.domain.indexes import IndexSettings
from app.services.catalog import IndexCatalog
from app.services.readiness import ReadinessService

log = structlog.get_logger()

PUBLIC_TENANT = "public"
_RETRY_SECONDS = 1.0


class Startup:
    """A database that is away is waited for; the process lives, and is not ready meanwhile."""

    def __init__(
        self,
        readiness: ReadinessService,
        catalog: IndexCatalog,
        *,
        default_index: str,
        default_dimension: int,
        warm_up: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._readiness = readiness
        self._catalog = catalog
        self._default_index = default_index
        self._default_dimension = default_dimension
        self._warm_up = warm_up
        self._complete = False

    async def first_try(self) -> None:
        """Prepare if the database is there.

        Raises
        ------
        ConfigurationError
            The default index exists with another dimension than the settings say.
        """
        try:
            await self._prepare()
        except ConfigurationError:
            raise
        except ServiceError as error:
            log.warning("not_ready", code=error.code, detail=error.detail)

    async def run(self) -> None:
        """Try until it is done."""
        while not self._complete:
            await asyncio.sleep(_RETRY_SECONDS)
            try:
                await self._prepare()
            except ServiceError as error:
                log.debug("not_ready", code=error.code, detail=error.detail)
            except Exception:
                log.exception("startup_failed")

    async def _prepare(self) -> None:
        found = await self._readiness.check_database()
        if not found.read_only:
            await self._make_default_index()
            self._complete = True  # else it is made as soon as writes are taken
        if self._readiness.prepared:
            return
        if self._warm_up is not None:
            await self._warm_up()
        self._readiness.prepared = True
        log.info("ready", postgres=found.postgres_version, pgvector=found.pgvector_version, warnings=found.warnings)

    async def _make_default_index(self) -> None:
        """Plain documents and searches work in it as they stand: it is not under access control."""
        # What an index there was made with holds, but for the dimension: with another one nothing would work.
        existing = {state.index.name for state in await self._catalog.list_states(PUBLIC_TENANT)}
        fresh = self._default_index not in existing
        settings = IndexSettings(self._default_dimension, access_control=False if fresh else None)
        try:
            index, _ = await self._catalog.put(PUBLIC_TENANT, self._default_index, settings)
        except IndexMismatchError as error:
            raise ConfigurationError(
                f"VECTOR_DB_TABLE and VECTOR_DB_EMBEDDING_DIMENSION contradict what is stored. {error.detail}"
            ) from error
        await self._catalog.make_default(index)

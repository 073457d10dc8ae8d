"""What is due is done by itself: graphs are built when they pay, statistics kept, abandoned uploads swept."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import structlog

from app.domain.errors import ServiceError
from app.domain.indexes import AnnState, Index
from app.services.graph_upkeep import GraphUpkeep
from app.services.recall import GraphRecall
from app.services.terms_upkeep import TermsUpkeep
from app.storage.database import Database
from app.storage.indexes import IndexRepository
from app.storage.maintenance import MaintenanceRepository
from app.storage.operations import OperationsRepository

log = structlog.get_logger()

_UPLOADS_LIVE = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class MaintenanceOptions:
    """When and how: seconds between looks; chunks from which a graph pays; pgvector's m and ef_construction.

    ``answers_live`` and ``tombstones_live`` are how long the answers of idempotency keys and the versions of deleted
    documents are kept.
    """

    interval: float = 10.0
    ann_threshold: int = 20_000
    m: int = 16
    ef_construction: int = 100
    answers_live: timedelta = timedelta(hours=1)
    tombstones_live: timedelta = timedelta(days=7)


class Maintainer:
    """One at a time over all processes, by an advisory lock on a connection of its own."""

    def __init__(self, database: Database, indexes: IndexRepository, options: MaintenanceOptions) -> None:
        self._database = database
        self._indexes = indexes
        self._options = options
        self._terms = TermsUpkeep()
        self._graphs = GraphUpkeep(GraphRecall(OperationsRepository(database)), options.m, options.ef_construction)

    async def run(self) -> None:
        """Work until cancelled; a database that goes away is waited for."""
        while True:
            try:
                await self._serve()
            except ServiceError as error:
                log.warning("maintenance_interrupted", code=error.code, detail=error.detail)
            except Exception:
                log.exception("maintenance_failed")
            await asyncio.sleep(self._options.interval)

    async def run_once(self) -> bool:
        """Do what is due now; return False if another process is the maintainer."""
        async with self._database.dedicated_session() as session:
            repository = MaintenanceRepository(session)
            if not await repository.try_lock():
                return False
            await self._work(repository)
        return True

    async def analyse(self, index: Index) -> None:
        """Refresh what the planner and the look for due graphs know of an index, such as after an import."""
        async with self._database.dedicated_session() as session:
            repository = MaintenanceRepository(session)
            await repository.analyse(index)
            await repository.terms().analyse(index)

    async def is_due(self, index: Index) -> bool:
        """Whether an index has enough chunks for a graph."""
        async with self._database.dedicated_session() as session:
            return await MaintenanceRepository(session).count_embeddings(index) >= self._options.ann_threshold

    async def _serve(self) -> None:
        async with self._database.dedicated_session() as session:
            repository = MaintenanceRepository(session)
            while True:
                if await repository.try_lock():
                    await self._work(repository)
                await asyncio.sleep(self._options.interval)

    async def _work(self, repository: MaintenanceRepository) -> None:
        if swept := await repository.delete_stale_uploads(_UPLOADS_LIVE):
            log.info("uploads_swept", uploads=swept)
        await repository.delete_old_answers(self._options.answers_live)
        await repository.delete_old_tombstones(self._options.tombstones_live)
        states = await self._indexes.ann_states()
        indexes = await self._indexes.list_all(None)
        for index in indexes:  # ahead of the graphs, which take long
            await self._terms.care_for(repository.terms(), index)
        for index in indexes:
            await self._care_for(repository, index, states.get(index.index_id, AnnState()))

    async def _care_for(self, repository: MaintenanceRepository, index: Index, ann: AnnState) -> None:
        if index.quantisation in ann.ready:
            await self._graphs.care_for(repository, index, ann)
            return
        if not ann.ready and await repository.count_embeddings(index) < self._options.ann_threshold:
            return
        if await repository.is_filling(index):  # an import: built afterwards, the graph costs a tenth
            return
        for quantisation in ann.building:  # by nobody: the maintainer is here
            await repository.drop_ann(index, quantisation)
        await self._graphs.build(repository, index)

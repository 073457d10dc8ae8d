"""Which server a request reads from: a standby that is not too far behind, else the primary."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.domain.errors import DatabaseUnavailableError
from app.storage.database import Database

T = TypeVar("T")


class ReadRouter:
    """Sends what only reads to the servers of searches, where there are any."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """Watch the servers until cancelled."""
        if self._database.replicas is None:
            await asyncio.Event().wait()
        else:
            await self._database.replicas.run()

    async def read(self, work: Callable[[], Awaitable[T]], after: int | None = None) -> T:
        """Do all of some reading on one server; on another one if that one fails.

        Parameters
        ----------
        work
            What is done again when a server fails.
        after
            A place in the write-ahead log; everything before it is seen.

        Raises
        ------
        DatabaseUnavailableError
            No server answers.
        """
        replicas = self._database.replicas
        if replicas is None:
            return await work()
        while (replica := await replicas.choose(after)) is not None:
            try:
                with replicas.reading(replica):
                    return await work()
            except DatabaseUnavailableError:
                replica.fail()
        with replicas.reading(None):
            return await work()

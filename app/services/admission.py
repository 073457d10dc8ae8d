"""How many writes are under way at once: as many as there are connections for, and few that wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.domain.errors import OverloadedError


class WriteGate:
    """Lets writes in, in the order in which they came.

    Parameters
    ----------
    at_once
        Writes under way at once.
    waiting
        Writes that may wait for that; more are refused at once, since a queue that grows helps nobody.
    """

    def __init__(self, at_once: int = 3, waiting: int = 32) -> None:
        self.at_once = at_once
        self._room = asyncio.Semaphore(at_once)
        self._most_waiting = waiting
        self._waiting = 0

    @asynccontextmanager
    async def entered(self, *, patient: bool = False) -> AsyncIterator[None]:
        """Write within this; who is patient is never refused, and bounds by other means how much waits.

        Raises
        ------
        OverloadedError
            As many as may are waiting.
        """
        if self._room.locked() and not patient and self._waiting >= self._most_waiting:
            raise OverloadedError(f"{self._most_waiting} writes are waiting; try again.")
        counted = not patient
        self._waiting += counted
        try:
            await self._room.acquire()
        finally:
            self._waiting -= counted
        try:
            yield
        finally:
            self._room.release()

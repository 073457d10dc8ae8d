"""Connections of asyncpg's pool, at hand between uses."""

import asyncio

import asyncpg
import structlog

from app.domain.errors import OverloadedError

log = structlog.get_logger()

_USES = 500
"""Of a connection, until asyncpg's pool has it again: it connects anew after 50,000 statements."""

_CLOSING_SECONDS = 10
_LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)


class Pool:
    """Connections of asyncpg's pool, which are kept at hand between uses that end well.

    asyncpg's own way takes a timer and a task each time, and a look that finds nothing: a connection goes through it
    when something failed, when others wait for one, and after some hundred uses.
    """

    def __init__(self, pool: asyncpg.Pool, acquire_timeout: float) -> None:
        self._pool = pool
        self._acquire_timeout = acquire_timeout
        self._at_hand: list[asyncpg.Connection] = []
        self._uses_left: dict[asyncpg.Connection, int] = {}
        self._waiting = 0

    @property
    def size(self) -> int:
        """How many connections there may be."""
        return int(self._pool.get_max_size())

    async def acquire(self) -> asyncpg.Connection:
        """Take a connection.

        Raises
        ------
        OverloadedError
            None came free in time.
        """
        while self._at_hand:
            connection = self._at_hand.pop()
            if _is_well(connection):
                return connection
            await self.release(connection, failed=True)
        self._waiting += 1
        try:
            connection = await self._pool.acquire(timeout=self._acquire_timeout)
        except TimeoutError:
            if self._pool.get_size() >= self.size and not self._pool.get_idle_size():
                raise OverloadedError("Every database connection is busy; try again.") from None
            raise
        finally:
            self._waiting -= 1
        self._uses_left[connection] = _USES
        return connection

    async def release(self, connection: asyncpg.Connection, *, failed: bool) -> None:
        """Give a connection back. One that broke is replaced: the work on it has ended well, or has said why not."""
        left = self._uses_left.get(connection, 0)
        if left and not failed and not self._waiting and _is_well(connection):
            self._uses_left[connection] = left - 1
            self._at_hand.append(connection)
            return
        self._uses_left.pop(connection, None)
        try:
            await self._pool.release(connection)
        except _LOST as error:
            log.warning("connection_lost", error=type(error).__name__)

    async def expire(self) -> None:
        """Let whoever comes next connect anew."""
        await self._pool.expire_connections()
        await self._let_go()

    async def close(self) -> None:
        """Let running work end for some seconds, then disconnect."""
        await self._let_go()
        try:
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self._pool.close()
        except TimeoutError:
            self.terminate()

    def terminate(self) -> None:
        """Disconnect at once."""
        self._pool.terminate()

    async def _let_go(self) -> None:
        """Keep nothing at hand, of what is in use neither."""
        self._uses_left.clear()
        kept, self._at_hand = self._at_hand, []
        for connection in kept:
            await self.release(connection, failed=False)


def _is_well(connection: asyncpg.Connection) -> bool:
    """Whether a connection may be used again as it is."""
    try:
        return not (connection.is_closed() or connection.is_in_transaction())
    except asyncpg.InterfaceError:  # it was lost, and asyncpg's pool has taken it back
        return False

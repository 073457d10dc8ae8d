"""Writes that happen once however often they are sent: the answer is committed with the write."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from time import monotonic
from typing import TypeVar

from app.domain.documents import ChangedDocument, IndexedDocument
from app.domain.errors import IdempotencyKeyInUseError
from app.domain.idempotency import IdempotentRequest
from app.storage.database import Database, Session
from app.storage.idempotency import IdempotencyRepository

ResultT = TypeVar("ResultT", IndexedDocument, ChangedDocument)

_PATIENCE = 5.0
_PAUSE = 0.05


class IdempotentWrites:
    """One call is one transaction. Refused and failed requests leave nothing behind, so they may be tried anew."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._keys = IdempotencyRepository()

    async def carry_out(
        self,
        request: IdempotentRequest | None,
        kind: type[ResultT],
        work: Callable[[Session], Awaitable[list[ResultT]]],
        *,
        single: bool = False,
    ) -> list[ResultT]:
        """Do the work in a transaction; for a request that was answered before, return that answer instead.

        Work that is a ``single`` statement needs none around it, unless an answer is kept with it.

        Raises
        ------
        IdempotencyKeyInUseError
            The first request with the key is still under way after some seconds. No connection is held meanwhile.
        IdempotencyKeyReusedError
            Another request came with the key.
        """
        if request is None:
            async with self._database.transaction(single=single) as session:
                return await work(session)
        deadline = monotonic() + _PATIENCE
        while True:
            try:
                async with self._database.transaction() as session:
                    return await self._once(session, request, kind, work)
            except IdempotencyKeyInUseError:
                if monotonic() >= deadline:
                    raise
            await asyncio.sleep(_PAUSE)

    async def _once(
        self,
        session: Session,
        request: IdempotentRequest,
        kind: type[ResultT],
        work: Callable[[Session], Awaitable[list[ResultT]]],
    ) -> list[ResultT]:
        answered = await self._keys.claim(session, request)
        if answered is not None:
            request.replayed = True
            return [kind(**row) for row in answered]
        results = await work(session)
        await self._keys.save(session, request, [asdict(result) for result in results])
        return results

"""More comes than can be done: what is let in is answered rightly, the rest refused, and all is well afterwards.

Without a look at the clock, since other tests run beside; ``make overload`` measures.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace

import asyncpg
import pytest

from tests.api.calls import until
from tests.faults.load import ACCEPTED, REFUSED, Load
from tests.faults.overload import DIMENSION, SEARCHES, WRITES, Plan, fill, traffic
from tests.faults.processes import service

PLAN = replace(Plan(), documents=40)
CROWD = 120
BOUNDS = {
    "VECTOR_DB_EMBEDDING_DIMENSION": str(DIMENSION),
    "VECTOR_SEARCH_MAX_WAITING_SEARCHES": "4",
    "VECTOR_SEARCH_MAX_WAITING_WRITES": "4",
}


async def test_what_is_too_much_is_refused_and_the_rest_is_answered(dsn: str) -> None:
    """A hundred clients at once, held up by a lock until most of them have been told."""
    chance = random.Random(3)
    async with service(dsn, **BOUNDS) as serving:
        await fill(serving.url, PLAN, chance)
        draw, load = traffic(PLAN, chance), Load(serving.port)
        before = (await load.each(6, draw))[SEARCHES].count(ACCEPTED)
        blocker = await asyncpg.connect(dsn)
        try:
            async with blocker.transaction():
                await blocker.execute("LOCK TABLE documents")
                crowd = asyncio.create_task(load.each(CROWD, draw))

                async def refused() -> bool:
                    return load.refused >= CROWD / 2

                await until(refused, 60)
            answers = await crowd
        finally:
            await blocker.close()
        afterwards = await until_answered(load, 6, draw)
        load.close()
    assert before > 0
    for kind in (SEARCHES, WRITES):
        assert answers[kind].unlike == []
        assert answers[kind].count(ACCEPTED) > 0
    assert sum(each.count(REFUSED) for each in answers.values()) >= CROWD / 2
    assert afterwards == 6


async def until_answered(load: Load, number: int, draw: Callable[[], tuple[str, bytes]]) -> int:
    """Ask until so many were answered, which they are as soon as the crowd is gone."""
    accepted = 0
    async with asyncio.timeout(60):
        while accepted < number:
            answers = await load.each(1, draw)
            accepted += sum(each.count(ACCEPTED) for each in answers.values())
    return accepted


@pytest.mark.parametrize("kind", [SEARCHES])
def test_requests_are_drawn_by_their_shares(kind: str) -> None:
    draw = traffic(PLAN, random.Random(1))
    drawn = [draw()[0] for _ in range(500)]
    assert 400 < drawn.count(kind) < 490

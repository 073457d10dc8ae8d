"""Few writes at once, few that wait, the others refused."""

import asyncio

import pytest

from app.domain.errors import OverloadedError
from app.services.admission import WriteGate


async def write(gate: WriteGate, done: list[int], number: int, go: asyncio.Event, *, patient: bool = False) -> None:
    async with gate.entered(patient=patient):
        await go.wait()
        done.append(number)


async def test_writes_beyond_those_that_may_wait_are_refused_at_once() -> None:
    done: list[int] = []
    gate, go = WriteGate(at_once=2, waiting=1), asyncio.Event()
    tasks = []
    for number in range(3):
        tasks.append(asyncio.create_task(write(gate, done, number, go)))
        await asyncio.sleep(0)
    with pytest.raises(OverloadedError):
        await write(gate, done, 3, go)
    patient = asyncio.create_task(write(gate, done, 4, go, patient=True))
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(*tasks, patient)
    assert done == [0, 1, 2, 4]
    await write(gate, done, 5, go)  # there is room again


async def test_who_gives_up_waiting_makes_room() -> None:
    done: list[int] = []
    gate, go = WriteGate(at_once=1, waiting=1), asyncio.Event()
    first = asyncio.create_task(write(gate, done, 0, go))
    await asyncio.sleep(0)
    given_up = asyncio.create_task(write(gate, done, 1, go))
    await asyncio.sleep(0)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    third = asyncio.create_task(write(gate, done, 2, go))
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(first, third)
    assert done == [0, 2]

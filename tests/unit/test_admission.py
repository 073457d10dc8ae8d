"""Few at once, few that wait, the others refused; fewer of both while more comes than can be done."""

import asyncio

import pytest

from app.domain.errors import OverloadedError
from app.services.admission import CALM_SECONDS, LOOK_SECONDS, Bounds, Gate, eased


class Crowd:
    """Requests that come to a gate and end when they are told to."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._ends: dict[int, asyncio.Event] = {}
        self.tasks: dict[int, asyncio.Task[None]] = {}
        self.inside: list[int] = []
        self.done: list[int] = []

    async def come(self, *numbers: int, patient: bool = False) -> None:
        for number in numbers:
            self._ends[number] = asyncio.Event()
            self.tasks[number] = asyncio.create_task(self._work(number, patient=patient))
            await settled()

    async def end(self, *numbers: int) -> None:
        for number in numbers:
            self._ends[number].set()
            await self.tasks[number]
            await settled()

    async def _work(self, number: int, *, patient: bool) -> None:
        async with self._gate.entered(patient=patient):
            self.inside.append(number)
            try:
                await self._ends[number].wait()
                self.done.append(number)
            finally:
                self.inside.remove(number)


async def settled() -> None:
    """Let every task go as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_those_beyond_what_may_wait_are_refused_at_once() -> None:
    gate = Gate("writes", Bounds(2, 1))
    crowd = Crowd(gate)
    await crowd.come(0, 1, 2)
    assert crowd.inside == [0, 1]
    with pytest.raises(OverloadedError):
        gate.check()
    with pytest.raises(OverloadedError):
        async with gate.entered():
            pass
    await crowd.come(4, patient=True)
    await crowd.end(0, 1, 2, 4)
    assert crowd.done == [0, 1, 2, 4]
    gate.check()
    await crowd.come(5)
    assert crowd.inside == [5]
    await crowd.end(5)


@pytest.mark.parametrize("leaving", ["waiting", "inside", "as its turn comes"])
async def test_who_gives_up_makes_room(leaving: str) -> None:
    crowd = Crowd(Gate("writes", Bounds(1, 2)))
    await crowd.come(0, 1, 2)
    leaver = 0 if leaving == "inside" else 1
    if leaving == "as its turn comes":
        crowd._ends[0].set()  # its task goes on, and the next one's turn comes
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    crowd.tasks[leaver].cancel()
    with pytest.raises(asyncio.CancelledError):
        await crowd.tasks[leaver]
    others = [number for number in (0, 1, 2) if number != leaver]
    await crowd.end(*others)
    await crowd.come(3)
    assert crowd.inside == [3]
    await crowd.end(3)
    assert crowd.done == [*others, 3]


async def test_nobody_waits_for_ever() -> None:
    gate = Gate("searches", Bounds(1, 2), patience=0.01)
    crowd = Crowd(gate)
    await crowd.come(0)
    with pytest.raises(OverloadedError, match="take too long"):
        async with gate.entered():
            pass
    await crowd.end(0)
    await crowd.come(1)
    assert crowd.inside == [1]
    await crowd.end(1)


async def test_once_too_much_comes_hardly_any_wait_until_nothing_was_refused_for_a_while() -> None:
    clock = Clock()
    gate = Gate("searches", Bounds(4, 3), Bounds(2, 1), clock=clock)
    crowd = Crowd(gate)
    await crowd.come(*range(6))
    await crowd.come(9, patient=True)
    await crowd.come(6)
    assert crowd.inside == [0, 1, 2, 3]  # a burst is let in and waits
    with pytest.raises(OverloadedError):
        gate.check()
    for late in (5, 6):  # of the burst only the first waits on, and who is patient
        with pytest.raises(OverloadedError):
            await crowd.tasks[late]
    await crowd.end(0, 1)
    assert crowd.inside == [2, 3]  # two at once from now on
    with pytest.raises(OverloadedError):
        gate.check()
    await crowd.end(2)
    assert crowd.inside == [3, 4]
    await crowd.end(3)
    assert crowd.inside == [4, 9]
    await crowd.come(10)
    clock.now += CALM_SECONDS / 2
    with pytest.raises(OverloadedError):
        gate.check()
    clock.now += CALM_SECONDS / 2
    with pytest.raises(OverloadedError):  # the last refusal was not long ago
        gate.check()
    clock.now += CALM_SECONDS
    gate.check()
    await crowd.come(11)
    await crowd.end(4)
    assert crowd.inside == [9, 10, 11]
    await crowd.end(9, 10, 11)


async def test_who_is_refused_as_it_gives_up_makes_no_room_that_is_not_there() -> None:
    gate = Gate("searches", Bounds(1, 2), Bounds(1, 0))
    crowd = Crowd(gate)
    await crowd.come(0, 1, 2)
    with pytest.raises(OverloadedError):
        gate.check()
    crowd.tasks[1].cancel()
    with pytest.raises(asyncio.CancelledError):
        await crowd.tasks[1]
    await crowd.come(3, patient=True)
    assert crowd.inside == [0]
    await crowd.end(0, 3)


async def pressed(gate: Gate, crowd: Crowd) -> None:
    """Fill a gate of one and eight that wait, and let the burst that filled it go."""
    await crowd.come(*range(9))
    assert not gate.is_pressed()
    with pytest.raises(OverloadedError):
        gate.check()
    assert gate.is_pressed()
    for late in range(1, 9):
        with pytest.raises(OverloadedError):
            await crowd.tasks[late]


async def test_once_few_are_refused_bursts_may_wait_again() -> None:
    clock = Clock()
    gate = Gate("searches", Bounds(1, 8), Bounds(1, 0), clock=clock)
    crowd = Crowd(gate)
    await pressed(gate, crowd)
    inside = 0
    for number in (10, 11, 12):  # as many are let in as are refused, one after the other without a pause
        clock.now += LOOK_SECONDS / 4
        await crowd.end(inside)
        gate.check()
        await crowd.come(number)
        inside = number
        with pytest.raises(OverloadedError):
            gate.check()
    assert gate.is_pressed()
    clock.now += LOOK_SECONDS / 4
    await crowd.end(inside)
    gate.check()
    assert not gate.is_pressed()
    await crowd.come(13, 14, 15)
    await crowd.end(13, 14, 15)


async def test_bursts_with_pauses_between_them_may_wait_again() -> None:
    """Most of such a burst would be refused for ever, though there is time for all of it."""
    clock = Clock()
    gate = Gate("searches", Bounds(1, 8), Bounds(1, 0), clock=clock)
    crowd = Crowd(gate)
    await pressed(gate, crowd)
    clock.now += LOOK_SECONDS * 0.1
    await crowd.end(0)
    await crowd.come(10)
    for _ in range(7):
        with pytest.raises(OverloadedError):
            gate.check()
    clock.now += LOOK_SECONDS * 0.1
    await crowd.end(10)
    clock.now += LOOK_SECONDS * 0.9
    gate.check()
    assert not gate.is_pressed()
    await crowd.come(*range(11, 19))
    await crowd.end(*range(11, 19))
    assert crowd.done == [0, 10, *range(11, 19)]


async def test_while_far_more_comes_than_can_be_done_it_stays_so() -> None:
    clock = Clock()
    gate = Gate("searches", Bounds(1, 8), Bounds(1, 0), clock=clock)
    crowd = Crowd(gate)
    await pressed(gate, crowd)
    for turn in range(40):
        clock.now += LOOK_SECONDS / 4
        for _ in range(9):
            with pytest.raises(OverloadedError):
                gate.check()
        await crowd.end(turn and 100 + turn - 1)
        clock.now += LOOK_SECONDS / 40
        gate.check()
        await crowd.come(100 + turn)
        assert gate.is_pressed()
    await crowd.end(139)


async def test_writes_have_less_room_while_too_many_searches_come_and_searches_none_the_less() -> None:
    clock = Clock()
    searches = Gate("searches", Bounds(1, 0), clock=clock)
    writes = Gate("writes", Bounds(2, 1), Bounds(1, 0), yields_to=searches, clock=clock)
    searching, writing = Crowd(searches), Crowd(writes)
    await searching.come(0)
    await writing.come(0, 1)
    assert writing.inside == [0, 1]
    with pytest.raises(OverloadedError):
        searches.check()
    await writing.end(0)
    assert writing.inside == [1]
    with pytest.raises(OverloadedError):
        writes.check()
    clock.now += CALM_SECONDS
    assert not searches.is_pressed()
    writes.check()
    await writing.come(2)
    assert writing.inside == [1, 2]
    await writing.come(3)
    with pytest.raises(OverloadedError):
        writes.check()
    assert writes.is_pressed()
    assert not searches.is_pressed()
    with pytest.raises(OverloadedError):
        await writing.tasks[3]
    await searching.end(0)
    await writing.end(1, 2)


@pytest.mark.parametrize(
    ("at_once", "waiting", "expected"),
    [(1, 32, (1, 0)), (4, 32, (2, 0)), (16, 32, (8, 2)), (16, 1, (8, 1)), (3, 0, (1, 0))],
)
def test_bounds_under_pressure(at_once: int, waiting: int, expected: tuple[int, int]) -> None:
    assert eased(at_once, waiting) == expected

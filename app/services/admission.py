"""How many requests of a kind are at work at once, how many wait for that, and which are refused at once.

A queue that is always full makes everybody wait for all of it and gets no more done (Nichols and Jacobson,
"Controlling queue delay", 2012). So a burst may wait, but once as many wait as may, more comes than can be done: from
then on hardly any wait and fewer work side by side, so that what is let in is answered about as fast as ever, until
for a second nothing had to be refused.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple, NoReturn

from app.domain.errors import OverloadedError

CALM_SECONDS = 3.0
"""Without a refusal, until bursts may wait again."""
_LOOK = 32
"""Requests after which it is looked whether more than a third of them were refused; if not, bursts may wait again."""


class Bounds(NamedTuple):
    """How many are at work at once, and how many wait for that at most."""

    at_once: int
    waiting: int


class Gate:
    """Lets requests in, in the order in which they came.

    Parameters
    ----------
    what
        What is let in, in words.
    usual
        Its bounds, bursts included; more are refused.
    pressed
        Its bounds while more comes than can be done; as usual when left out.
    patience
        Seconds that one may wait.
    clock
        In seconds, never going back.
    """

    def __init__(
        self,
        what: str,
        usual: Bounds,
        pressed: Bounds | None = None,
        *,
        patience: float = 5.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.at_once = usual.at_once
        self._what = what
        self._patience = patience
        self._usual = usual
        self._pressed = pressed or self._usual
        self._clock = clock
        self._pressed_until = 0.0
        self._came = 0
        self._refused = 0
        self._running = 0
        self._impatient: set[asyncio.Future[None]] = set()
        self._queue: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def entered(self, *, patient: bool = False) -> AsyncIterator[None]:
        """Work within this; who is patient is never refused, and bounds by other means how much waits.

        Raises
        ------
        OverloadedError
            As many as may are waiting.
        """
        if self._has_room():
            self._running += 1
        elif patient:
            await self._come_to(asyncio.get_running_loop().create_future())
        else:
            await self._wait()
        try:
            yield
        finally:
            self._leave()

    def check(self) -> None:
        """Refuse one that has just come, before anything is done for it, if `entered` would refuse it.

        Raises
        ------
        OverloadedError
            As many as may are waiting.
        """
        full = self._is_full()
        self._came += 1
        self._refused += full
        if self._came >= _LOOK:
            if self._refused * 3 <= self._came:
                self._pressed_until = 0.0
            self._came = self._refused = 0
        if full:
            self._refuse()

    def _refuse(self) -> NoReturn:
        now = self._clock()
        begins = now >= self._pressed_until
        self._pressed_until = now + CALM_SECONDS
        if begins:
            self._came = self._refused = 0
            self._thin_out()
        raise self._overloaded()

    def _thin_out(self) -> None:
        """Refuse those who came last of the burst that filled the queue: they have waited least."""
        for turn in reversed(tuple(self._queue)):
            if len(self._impatient) <= self._pressed.waiting:
                break
            if turn in self._impatient and not turn.done():
                self._impatient.discard(turn)
                self._queue.remove(turn)
                turn.set_exception(self._overloaded())

    def _overloaded(self) -> OverloadedError:
        return OverloadedError(f"More {self._what} come than can be done; try again.")

    def _is_full(self) -> bool:
        return not self._has_room() and len(self._impatient) >= self._bounds().waiting

    def _bounds(self) -> Bounds:
        return self._pressed if self._clock() < self._pressed_until else self._usual

    def _has_room(self) -> bool:
        return not self._queue and self._running < self._bounds().at_once

    async def _wait(self) -> None:
        if self._is_full():
            self._refuse()
        turn = asyncio.get_running_loop().create_future()
        self._impatient.add(turn)
        try:
            async with asyncio.timeout(self._patience):
                await self._come_to(turn)
        except TimeoutError:
            raise OverloadedError(f"Earlier {self._what} take too long; try again.") from None
        finally:
            self._impatient.discard(turn)

    async def _come_to(self, turn: asyncio.Future[None]) -> None:
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                with suppress(ValueError):
                    self._queue.remove(turn)
            elif turn.exception() is None:  # its turn had come in the same moment
                self._leave()
            raise

    def _leave(self) -> None:
        self._running -= 1
        while self._queue and self._running < self._bounds().at_once:
            turn = self._queue.popleft()
            self._impatient.discard(turn)
            if not turn.cancelled():
                self._running += 1
                turn.set_result(None)


@dataclass(frozen=True, slots=True)
class Gates:
    """What bounds searches and writes."""

    searches: Gate
    writes: Gate


def eased(at_once: int, waiting: int) -> Bounds:
    """Return bounds for when more comes than can be done: half at work, and half of that may wait."""
    working = max(1, at_once // 2)
    return Bounds(working, min(waiting, max(1, working // 2)))

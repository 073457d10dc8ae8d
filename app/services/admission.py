"""How many requests of a kind are at work at once, how many wait for that, and which are refused at once.

A queue that is always full makes everybody wait for all of it and gets no more done (Nichols and Jacobson,
"Controlling queue delay", 2012). So a burst may wait, but once as many wait as may, more comes than can be done: from
then on hardly any wait and fewer work side by side, so that what is let in is answered about as fast as ever.
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
LOOK_SECONDS = 0.5
"""After which it is looked whether bursts may wait again, as what comes can be done."""
_ROOM_SHARE = 0.4
"""Of that time, with room for more: what was refused came in a burst. Of what is offered, a gate does as much as can
be done when it has room for a third of the time."""
_REFUSED_SHARE = 0.5
"""Of what came: half as many work side by side, so that twice as many may be done at most."""


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
    yields_to
        Another gate: while more comes to that one than can be done, this one has its lesser bounds, too. They share
        processors, PostgreSQL and an event loop, so that each takes longer for what the other has at work.
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
        yields_to: "Gate | None" = None,
        patience: float = 5.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.at_once = usual.at_once
        self._what = what
        self._patience = patience
        self._usual = usual
        self._pressed = pressed or self._usual
        self._yields_to = yields_to
        self._clock = clock
        self._pressed_until = 0.0
        self._lately = _Lately(clock())
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
            self._note_room()
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
        now = self._clock()
        full = self._is_full()
        if self._lately.count(now, refused=full):
            self._pressed_until = 0.0
        if full:
            self._refuse()

    def _refuse(self) -> NoReturn:
        now = self._clock()
        begins = now >= self._pressed_until
        self._pressed_until = now + CALM_SECONDS
        if begins:
            self._lately.begin(now)
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
        return self._pressed if self.is_pressed() else self._usual

    def is_pressed(self) -> bool:
        """Whether more comes than can be done, to this gate or to the one that it yields to."""
        return self._clock() < self._pressed_until or (self._yields_to is not None and self._yields_to.is_pressed())

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
        self._note_room()

    def _note_room(self) -> None:
        self._lately.note_room(self._clock, there_is=not self._queue and self._running < self._pressed.at_once)


class _Lately:
    """How much came in the last half second, how much of it was refused, and how long there was room for more."""

    def __init__(self, now: float) -> None:
        self._has_room = True
        self.begin(now)

    def begin(self, now: float) -> None:
        """Count anew."""
        self._began = self._room_since = now
        self._came = self._refused = 0
        self._room_seconds = 0.0

    def note_room(self, clock: Callable[[], float], *, there_is: bool) -> None:
        """Note whether there is room for more from now on."""
        if there_is == self._has_room:
            return
        self._has_room = there_is
        now = clock()
        if there_is:
            self._room_since = now
        else:
            self._room_seconds += now - self._room_since

    def count(self, now: float, *, refused: bool) -> bool:
        """Count one that came; return whether a while has passed in which what came could have been done."""
        self._came += 1
        self._refused += refused
        if (passed := now - self._began) < LOOK_SECONDS:
            return False
        room = self._room_seconds + (now - self._room_since if self._has_room else 0.0)
        could = room >= _ROOM_SHARE * passed or self._refused <= _REFUSED_SHARE * self._came
        self.begin(now)
        return could


@dataclass(frozen=True, slots=True)
class Gates:
    """What bounds searches and writes."""

    searches: Gate
    writes: Gate


def eased(at_once: int, waiting: int) -> Bounds:
    """Return bounds for when more comes than can be done: half at work, and a quarter of that may wait.

    One that waits for two at work waits half as long as it then takes itself, and somebody always comes just in time.
    """
    working = max(1, at_once // 2)
    return Bounds(working, min(waiting, working // 4))

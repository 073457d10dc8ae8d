"""How long to wait for the service and when to ask again: bounded in total, whatever happens.

The bounds are Onyx's: users wait for searches (60 s), and its tasks give an update 70 s. The last attempt may
begin when the budget is all but used up, so a budget is that bound less what connecting and sending may take.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from time import monotonic, time
from typing import Literal

import httpx

Purpose = Literal["search", "write", "commit"]


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds.

    ``read`` is how long an answer may take once the request is sent. A commit of thousands of chunks is one
    transaction of the service: it is waited for, rather than asked for again.
    """

    connect: float = 3.0
    pool: float = 3.0
    send: float = 5.0
    search_read: float = 40.0
    write_read: float = 50.0
    commit_read: float = 300.0
    search_budget: float = 48.0
    write_budget: float = 58.0
    first_delay: float = 0.2
    longest_delay: float = 8.0

    def read(self, purpose: Purpose) -> float:
        """Return how long an answer may take."""
        return {"search": self.search_read, "write": self.write_read, "commit": self.commit_read}[purpose]

    def budget(self, purpose: Purpose) -> float:
        """Return how long after the first attempt another may still begin."""
        return self.search_budget if purpose == "search" else self.write_budget


@dataclass(slots=True)
class Attempts:
    """The attempts at one call."""

    patience: Patience
    purpose: Purpose
    clock: Callable[[], float] = monotonic
    draw: Callable[[float, float], float] = random.uniform
    _count: int = field(default=0, init=False)
    _started: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._started = self.clock()

    def timeout(self) -> httpx.Timeout:
        """Return the timeouts of the next attempt: no phase outlasts what is left of the budget."""
        left = max(0.05, self._left())
        patience = self.patience
        read = patience.read(self.purpose)
        return httpx.Timeout(
            connect=min(patience.connect, left),
            pool=min(patience.pool, left),
            write=min(patience.send, left),
            read=read if self.purpose == "commit" else min(read, left),
        )

    def wait(self, response: httpx.Response | None) -> float | None:
        """Return how long to wait before another attempt, or None to give up.

        Half of a delay that doubles is drawn by lot, so that clients that failed together do not come back
        together. What the service asks for in Retry-After is waited at least.
        """
        delay = min(self.patience.longest_delay, self.patience.first_delay * 2**self._count)
        self._count += 1
        wait = max(self.draw(delay / 2, delay), 0.0 if response is None else retry_after(response))
        return wait if wait < self._left() else None

    def _left(self) -> float:
        return self.patience.budget(self.purpose) - (self.clock() - self._started)


def retry_after(response: httpx.Response) -> float:
    """Return the seconds an answer asks to wait: a number or a date (RFC 9110), 0 if neither."""
    text = response.headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time())
    except (ValueError, TypeError):
        return 0.0

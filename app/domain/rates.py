"""How many requests somebody may make: token buckets."""

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

_REMEMBERED = 10_000


class RateLimiter:
    """A bucket for each name: it holds ``burst`` requests and is refilled at ``rate`` a second.

    Parameters
    ----------
    rate
        Requests per second; 0 limits nothing.
    burst
        Requests that may come at once.
    clock
        Seconds that only go up.
    """

    def __init__(self, rate: float, burst: int, *, clock: Callable[[], float] = monotonic) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> float:
        """Take a request out of a bucket; return 0, or the seconds until there is one to take."""
        if self._rate <= 0:
            return 0.0
        now = self._clock()
        left, at = self._buckets.pop(name, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        wait = 0.0 if left >= 1 else (1 - left) / self._rate
        self._buckets[name] = (left if wait else left - 1, now)
        if len(self._buckets) > _REMEMBERED:  # the one that was quiet longest is full again, or nearly so
            self._buckets.popitem(last=False)
        return wait

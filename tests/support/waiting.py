"""Waiting for what happens by itself."""

import asyncio
from collections.abc import Awaitable, Callable


async def eventually(holds: Callable[[], Awaitable[bool]], seconds: float = 15.0) -> None:
    """Ask again and again until it holds.

    Raises
    ------
    TimeoutError
        It did not in that time.
    """
    for _ in range(round(seconds / 0.05)):
        if await holds():
            return
        await asyncio.sleep(0.05)
    raise TimeoutError(f"after {seconds} s it still does not hold")

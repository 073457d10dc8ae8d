"""Searching against the clock: what is left out before a search fails, and how the answer says so."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from app.domain.errors import DeadlineError, QueryTimeoutError
from app.domain.search import Answer, Mode, Search
from app.storage.deadlines import deadline

_WHOLE_SHARE = 0.6
"""Of the time, for the search as it was asked for; the rest is for what can be had instead."""

Attempt = Callable[[Mode, Search], Awaitable[Answer]]


async def answer_in_time(mode: Mode, search: Search, attempt: Attempt) -> Answer:
    """Answer a search within its ``timeout`` (seconds), by less than was asked for if need be.

    Raises
    ------
    DeadlineError
        There was no time for that either.
    """
    if search.timeout is None:
        return await attempt(mode, search)
    less = _less(mode, search)
    if less is None:
        return await _within(search.timeout, attempt(mode, search))
    try:
        return await _within(search.timeout * _WHOLE_SHARE, attempt(mode, search))
    except QueryTimeoutError:
        mode, search, note = less
        answer = await _within((search.timeout or 0.0) * (1 - _WHOLE_SHARE), attempt(mode, search))
    answer.degraded = (note, *answer.degraded)
    return answer


def _less(mode: Mode, search: Search) -> tuple[Mode, Search, str] | None:
    """Return a search that takes less time, and what to say of it; None where there is nothing to leave out."""
    bare = replace(search, exact=False, min_recall=None, highlight=False, feedback=False, smoothing=False)
    if mode == "hybrid" and search.embedding is not None:
        return "semantic", bare, "There was no time for hybrid search: ranked by the embedding alone."
    if mode == "hybrid":
        return "keyword", bare, "There was no time for hybrid search: ranked by keywords alone."
    if mode == "keyword" and (search.exact or search.highlight):
        return mode, bare, "There was no time for highlights, or for measuring every chunk."
    if mode == "semantic" and (search.exact or search.min_recall):
        return mode, bare, "There was no time for measuring every chunk."
    return None


async def _within(seconds: float, work: Awaitable[Answer]) -> Answer:
    """Do work; when its time is over, it is cancelled, and its statement with it."""
    try:
        with deadline(seconds):
            async with asyncio.timeout(seconds):
                return await work
    except TimeoutError as error:
        raise DeadlineError("The search took longer than its timeout_ms.") from error

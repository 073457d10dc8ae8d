"""The one client of a process, and the wait for the service at its start."""

import logging
import os
import time
from functools import cache

import httpx

from onyx_vector_search.client import Client
from onyx_vector_search.errors import VectorSearchError
from onyx_vector_search.patience import Patience
from onyx_vector_search.plugin.settings import PluginSettings
from onyx_vector_search.transport import Options

logger = logging.getLogger(__name__)

_INTERVAL = 5.0
_ANSWER = 5.0


@cache
def settings() -> PluginSettings:
    """Return the settings, read once."""
    return PluginSettings.from_environment()


def shared_client() -> Client:
    """Return the client all indexes of this process share; a forked process has its own connections."""
    return _client_of(os.getpid())


def wait_until_ready(timeout: float | None = None, interval: float = _INTERVAL) -> bool:
    """Ask the service whether it answers until it does or time is up."""
    given = settings()
    deadline = time.monotonic() + (given.ready_timeout_s if timeout is None else timeout)
    once = Patience(search_budget=_ANSWER, first_delay=2 * _ANSWER, longest_delay=2 * _ANSWER)
    with Client(given.url, api_key=given.api_key or None, options=Options(patience=once)) as client:
        while True:
            try:
                client.ready()
            except (VectorSearchError, httpx.TransportError) as error:
                logger.info("The vector search service is not ready: %s", error)
            else:
                return True
            if time.monotonic() + interval > deadline:
                return False
            time.sleep(interval)


@cache
def _client_of(_process: int) -> Client:
    given = settings()
    return Client(given.url, api_key=given.api_key or None, options=Options(patience=given.patience))

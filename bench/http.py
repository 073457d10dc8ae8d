"""One HTTP client for every system that speaks HTTP, so that none pays for another's."""

from collections.abc import Mapping
from http.client import HTTPConnection
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

import orjson

_IDLE_SECONDS = 2.0
_JSON = {"Content-Type": "application/json"}


class Connection:
    """A connection that is kept open, for the use of one thread.

    Parameters
    ----------
    url
        Where the system answers; paths are added to it.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._prefix = parts.path.rstrip("/")
        self._http = HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=600)
        self._used = perf_counter()

    def send(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Send a request; return the body of its answer.

        Raises
        ------
        RefusedError
            The status is not one of success.
        """
        if perf_counter() - self._used > _IDLE_SECONDS:
            self._http.close()  # the server may have; the request opens it anew
        self._http.request(method, self._prefix + path, body, _JSON if body is not None else {})
        answer = self._http.getresponse()
        data = answer.read()
        self._used = perf_counter()
        if answer.status >= 300:
            raise RefusedError(answer.status, data.decode(errors="replace"))
        return data

    def call(self, method: str, path: str, content: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401
        """Send JSON and read JSON: for what is not timed."""
        return orjson.loads(self.send(method, path, None if content is None else orjson.dumps(content)) or b"null")


class RefusedError(Exception):
    """A system answered with an error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text[:500]}")
        self.status = status

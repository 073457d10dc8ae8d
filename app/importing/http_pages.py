"""Requests to a source: retried with growing pauses, told apart by whether another try can help."""

import asyncio
import random
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import orjson

from app.domain.imports import SourceError
from app.observability import metrics

_RETRIED = {408, 425, 429, 500, 502, 503, 504, 507}


@dataclass(frozen=True, slots=True)
class Connection:
    """How a source is reached. Paths are PEM files; ``verify`` False accepts any certificate."""

    url: str
    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None
    verify: bool = True
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a request is tried, and how many seconds pass between: doubled each time up to a limit."""

    attempts: int = 10
    first_wait: float = 0.5
    longest_wait: float = 30.0

    def wait(self, attempt: int) -> float:
        """Return the pause after a failed attempt, counted from 1, with some chance in it."""
        pause = min(self.longest_wait, self.first_wait * 2.0 ** (attempt - 1))
        return pause * random.uniform(0.75, 1.25)  # noqa: S311  spreads retries, guards nothing


class RefusedError(SourceError):
    """The source understood and will not: asking again is of no use."""


class TransientError(Exception):
    """A try failed in a way another may not."""


def open_client(connection: Connection, *, read_timeout: float) -> httpx.AsyncClient:
    """Make a client for a source; client certificates are how Vespa Cloud knows its callers."""
    context: ssl.SSLContext | bool = connection.verify
    if connection.url.startswith("https"):
        context = ssl.create_default_context(cafile=connection.authority)
        if not connection.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if connection.certificate is not None:
            context.load_cert_chain(connection.certificate, connection.key)
    auth = None if connection.user is None else httpx.BasicAuth(connection.user, connection.password or "")
    return httpx.AsyncClient(
        base_url=connection.url.rstrip("/"),
        verify=context,
        auth=auth,
        headers=connection.headers,
        timeout=httpx.Timeout(read_timeout, connect=10.0),
        limits=httpx.Limits(max_connections=64),
    )


async def check_status(response: httpx.Response, what: str) -> None:
    """Raise for an answer that is an error.

    Raises
    ------
    TransientError
        Another try may help.
    RefusedError
        It will not.
    """
    if response.is_success:
        return
    message = f"{what}: HTTP {response.status_code}: {_message(await response.aread())}"
    if response.status_code in _RETRIED:
        raise TransientError(message)
    raise RefusedError(message)


async def get_json(
    http: httpx.AsyncClient, method: str, path: str, patience: Patience, *, body: object = None,
    parameters: dict[str, str] | None = None,
) -> dict[str, object]:  # fmt: skip
    """Ask for a small answer.

    Raises
    ------
    SourceError
        The source answers with an error, or not at all.
    """
    for attempt in range(1, patience.attempts + 1):
        try:
            response = await http.request(method, path, params=parameters, json=body)
            await check_status(response, f"{method} {path}")
            answer = orjson.loads(response.content)
            if not isinstance(answer, dict):
                raise SourceError(f"{method} {path}: the answer is no JSON object.")
        except (httpx.TransportError, TransientError, orjson.JSONDecodeError) as error:
            await give_in(patience, attempt, error)
        else:
            return answer
    raise AssertionError("the last attempt returns or raises")


async def give_in(patience: Patience, attempt: int, error: Exception) -> None:
    """Wait after a failed attempt; after the last one raise.

    Raises
    ------
    SourceError
        That was the last attempt.
    """
    metrics.IMPORT_RETRIES.labels(type(error).__name__).inc()
    if attempt >= patience.attempts:
        raise SourceError(f"The source failed {attempt} times in a row, last: {describe(error)}") from error
    await asyncio.sleep(patience.wait(attempt))


def describe(error: Exception) -> str:
    """Say what went wrong in one line."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _message(body: bytes) -> str:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body[:300].decode(errors="replace")
    message = found.get("message") or found.get("error") if isinstance(found, dict) else None
    return str(message if message is not None else found)[:500]

"""What the blocking and the asynchronous client share: options, requests, and the verdict on answers."""

import gzip
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import uuid4

import httpx

from onyx_vector_search.calls import Call
from onyx_vector_search.errors import ServiceUnavailableError, error_of, may_pass
from onyx_vector_search.patience import Attempts, Patience
from onyx_vector_search.writing import PART_BYTES

T = TypeVar("T")

PUBLIC_TENANT = "public"
_NEVER_RETRIED = (httpx.ReadTimeout, httpx.UnsupportedProtocol, httpx.LocalProtocolError)
_GZIP_LEVEL = 1  # base64 gains three quarters of what level 9 would, at a tenth of its time


@dataclass(frozen=True, slots=True)
class Options:
    """How a client behaves.

    Attributes
    ----------
    gzip_from
        Bytes from which on a body is compressed; None never.
    part_bytes
        Bytes from which on a batch is sent, or a part of a large document is cut.
    """

    patience: Patience = field(default_factory=Patience)
    max_connections: int = 100
    max_idle_connections: int = 20
    gzip_from: int | None = 32 * 1024
    part_bytes: int = PART_BYTES


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that stays the same over all its attempts, its id and its idempotency key included."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    content: bytes | None


def prepare(call: Call[T], tenant_id: str, options: Options) -> Prepared:
    """Compress a call's body if that pays, and name the request."""
    headers = {"X-Tenant-ID": tenant_id, "X-Request-ID": uuid4().hex}
    if call.keyed:
        headers["Idempotency-Key"] = uuid4().hex
    content = call.body
    if content is not None:
        headers["Content-Type"] = "application/json"
        if options.gzip_from is not None and len(content) >= options.gzip_from:
            content = gzip.compress(content, compresslevel=_GZIP_LEVEL, mtime=0)
            headers["Content-Encoding"] = "gzip"
    return Prepared(call.method, call.path, dict(call.params), headers, content)


def http_options(base_url: str, api_key: str | None, options: Options) -> dict[str, object]:
    """Return the arguments both of httpx's clients are made with."""
    headers = {"Accept": "application/json"}
    if api_key:
        headers["Authorization"] = f"Bearer {api_key}"
    return {
        "base_url": base_url,
        "headers": headers,
        "limits": httpx.Limits(
            max_connections=options.max_connections, max_keepalive_connections=options.max_idle_connections
        ),
    }


def after_failure(attempts: Attempts, error: httpx.TransportError) -> float:
    """Return how long to wait after a connection failed.

    Raises
    ------
    httpx.TransportError
        As it came: a read timeout, or one that another attempt cannot mend.
    ServiceUnavailableError
        Patience ran out.
    """
    if isinstance(error, _NEVER_RETRIED):
        raise error
    wait = attempts.wait(None)
    if wait is None:
        raise ServiceUnavailableError(f"The service cannot be reached: {str(error) or type(error).__name__}") from error
    return wait


def after_answer(attempts: Attempts, response: httpx.Response) -> float | None:
    """Return how long to wait after an answer, or None if it is a success.

    Raises
    ------
    VectorSearchError
        It is an error that stays, or patience ran out.
    """
    if response.is_success:
        return None
    wait = attempts.wait(response) if may_pass(response) else None
    if wait is None:
        raise error_of(response)
    return wait

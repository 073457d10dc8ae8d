"""What can go wrong, sorted by what a caller can do about it.

`httpx.ReadTimeout` is not among them: it passes through as it is, because Onyx retries exactly that one.
"""

import httpx
from pydantic import ValidationError

from onyx_vector_search.answers import Problem


class VectorSearchError(Exception):
    """The root of all errors of this client.

    Attributes
    ----------
    problem
        What the service said, if it said anything.
    """

    def __init__(self, message: str, problem: Problem | None = None) -> None:
        super().__init__(message)
        self.problem = problem


class ServiceUnavailableError(VectorSearchError):
    """The service could not be reached, or was busy, until patience ran out. Trying later makes sense."""


class ServiceFailedError(VectorSearchError):
    """Something went wrong inside the service."""


class ReadOnlyError(VectorSearchError):
    """The database takes no writes now; searches go on."""


class StorageFullError(VectorSearchError):
    """The database has no room left; searches go on."""

    def __init__(self, message: str, problem: Problem | None, response: httpx.Response) -> None:
        super().__init__(message, problem)
        self.response = response


class RequestRefusedError(VectorSearchError, httpx.HTTPStatusError):
    """The request itself is wrong; the same one will be refused again.

    It is an `httpx.HTTPStatusError` because that is what Onyx's tasks do not retry.
    """

    def __init__(self, message: str, problem: Problem | None, response: httpx.Response) -> None:
        httpx.HTTPStatusError.__init__(self, message, request=response.request, response=response)
        self.problem = problem


class IndexNotFoundError(RequestRefusedError):
    """The tenant has no such index."""


class DocumentNotFoundError(RequestRefusedError):
    """The index has no such document."""


class UploadNotFoundError(RequestRefusedError):
    """The service knows nothing of the upload, or has swept it."""


class DocumentMissingError(VectorSearchError):
    """An update that was to surface it found no chunk of some documents. The rest of it was applied."""

    def __init__(self, document_ids: list[str]) -> None:
        super().__init__(f"{len(document_ids)} document(s) are not in the index.")
        self.missing_document_ids = document_ids


class IndexMismatchError(RequestRefusedError):
    """An index of this name exists and is another one, such as of another dimension."""


_REFUSALS: dict[str, type[RequestRefusedError]] = {
    "index_not_found": IndexNotFoundError,
    "tenant_not_found": IndexNotFoundError,
    "document_not_found": DocumentNotFoundError,
    "upload_not_found": UploadNotFoundError,
    "index_mismatch": IndexMismatchError,
}
_READ_ONLY = "database_read_only"
_IN_USE = "idempotency_key_in_use"
RETRYABLE_STATUSES = frozenset({429, 502, 503, 504})
_INSUFFICIENT_STORAGE = 507
_CONFLICT = 409
_CLIENT_ERRORS = range(400, 500)


def problem_of(response: httpx.Response) -> Problem | None:
    """Read the problem an answer tells of; None if something else answered, such as a proxy."""
    try:
        return Problem.model_validate_json(response.content)
    except ValidationError:
        return None


def error_of(response: httpx.Response) -> VectorSearchError:
    """Turn an answer that is no success into an error."""
    problem = problem_of(response)
    status, message = response.status_code, _message(response, problem)
    code = "" if problem is None else problem.code
    if code == _READ_ONLY:
        return ReadOnlyError(message, problem)
    if status == _INSUFFICIENT_STORAGE:
        return StorageFullError(message, problem, response)
    if status in RETRYABLE_STATUSES or code == _IN_USE:
        return ServiceUnavailableError(message, problem)
    if status in _CLIENT_ERRORS:
        return _REFUSALS.get(code, RequestRefusedError)(message, problem, response)
    return ServiceFailedError(message, problem)


def may_pass(response: httpx.Response) -> bool:
    """Whether an error is one that may be gone in a moment; a database that is read-only stays so.

    An earlier attempt at the same write may still be under way: its answer is to be had when it has ended.
    """
    if response.status_code not in RETRYABLE_STATUSES | {_CONFLICT}:
        return False
    problem = problem_of(response)
    if response.status_code == _CONFLICT:
        return problem is not None and problem.code == _IN_USE
    return problem is None or problem.code != _READ_ONLY


def _message(response: httpx.Response, problem: Problem | None) -> str:
    request = response.request
    where = f"{request.method} {request.url.path}"
    if problem is None:
        return f"{where} answered {response.status_code}: {response.text[:200]}"
    flaws = "".join(f" {flaw.pointer}: {flaw.detail}" for flaw in problem.errors[:5])
    return f"{where} answered {problem.status} {problem.code}: {problem.detail}{flaws}"

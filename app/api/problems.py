"""Errors as RFC 9457 problem details: one table from domain errors to HTTP; docs/problems.md explains each code."""

from collections.abc import Iterable, Sequence
from math import ceil
from typing import Annotated, Any

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from app.api.schemas.fields import EMBEDDING_FORMS
from app.domain import errors
from app.domain.errors import Flaw, InvalidRequestError, RateLimitedError, ServiceError
from app.observability import metrics

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
DOCS = "https://github.com/onyx-dot-app/onyx-vector-search/blob/main/docs/problems.md"
_MAX_FLAWS = 100
_UNFORESEEN = "The cause is in the log under this request's id."
_MOST_LISTED = 2_000
"""Flaws that pydantic is asked to list: each takes microseconds in which nobody else is answered."""

PROBLEMS: dict[type[ServiceError], tuple[int, str]] = {
    errors.InvalidRequestError: (422, "The request is not valid"),
    errors.EmbeddingDimensionError: (422, "The embedding has another dimension than the index"),
    errors.EmbeddingMissingError: (422, "An embedding is missing"),
    errors.AccessListMissingError: (422, "The access control list is missing"),
    errors.InvalidTenantError: (422, "The tenant is not valid"),
    errors.UnstorableError: (422, "PostgreSQL cannot hold it"),
    errors.IdempotencyKeyReusedError: (422, "The idempotency key is another request's"),
    errors.UnauthorisedError: (401, "A key is needed"),
    errors.ForbiddenError: (403, "The key does not allow this"),
    errors.TenantNotFoundError: (404, "There is no such tenant"),
    errors.IndexNotFoundError: (404, "There is no such index"),
    errors.DocumentNotFoundError: (404, "There is no such document"),
    errors.UploadNotFoundError: (404, "There is no such upload"),
    errors.IndexMismatchError: (409, "The index is another one"),
    errors.UploadIncompleteError: (409, "The upload is not complete"),
    errors.IdempotencyKeyInUseError: (409, "The request is under way already"),
    errors.PreconditionFailedError: (412, "The document is another one by now"),
    errors.TokensDisabledError: (409, "No search tokens are issued here"),
    errors.RateLimitedError: (429, "Too many requests"),
    errors.OverloadedError: (503, "The service is busy"),
    errors.DatabaseUnavailableError: (503, "The database does not answer"),
    errors.DatabaseReadOnlyError: (503, "The database takes no writes"),
    errors.DatabaseFullError: (507, "The database is full"),
    errors.QueryTimeoutError: (504, "The database took too long"),
    errors.EmbeddingUnavailableError: (502, "The embeddings endpoint does not answer"),
    errors.IdentityUnavailableError: (503, "The identity provider does not answer"),
    errors.NotReadyError: (503, "The service is not ready"),
}
HTTP_PROBLEMS = {
    400: ("malformed_request", "The request cannot be read"),
    404: ("not_found", "There is nothing here"),
    405: ("method_not_allowed", "The method is not for this path"),
    408: ("body_too_slow", "The body comes too slowly"),
    413: ("body_too_large", "The body is too large"),
    415: ("unsupported_media_type", "The body is of another media type"),
    500: ("internal", "Something went wrong here"),
}
_RETRY_AFTER = {503: "1"}
_METHODS = ("GET", "PUT", "POST", "PATCH", "DELETE")
_OTHER_FORM = {"string_type", "list_type"}


class FlawAnswer(BaseModel):
    """One thing wrong with a request: at a JSON pointer into the body, or in a parameter."""

    pointer: str
    code: str
    detail: str
    parameter: Annotated[
        str | None, Field(description="The query or path parameter or header, where it is not the body.")
    ] = None


class Problem(BaseModel):
    """RFC 9457. Match on ``code``: it is stable."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[FlawAnswer] = []
    line: Annotated[int | None, Field(description="In the answer to a stream: the line that was refused.")] = None


class HttpError(Exception):
    """A problem of HTTP itself, such as a body that cannot be read."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def problem_response(
    request: Request, status: int, code: str, title: str, detail: str, flaws: Sequence[Flaw] = ()
) -> Response:
    """Render a problem, and count it."""
    body = _problem_body(request, status, code, title, detail, flaws)
    headers = {"Retry-After": _RETRY_AFTER[status]} if status in _RETRY_AFTER else {}
    if status == 401:  # noqa: PLR2004  its header is its own
        headers["WWW-Authenticate"] = "Bearer"
    return Response(orjson.dumps(body, default=str), status, headers, MEDIA_TYPE)


def service_problem(request: Request, error: ServiceError) -> Response:
    """Render an error of the domain."""
    answer = problem_response(request, *_of_service(error))
    if isinstance(error, RateLimitedError):
        answer.headers["Retry-After"] = str(ceil(error.retry_after))
    return answer


def service_problem_body(request: Request, error: ServiceError) -> dict[str, Any]:
    """Give an error of the domain as a problem object, for a line of a stream; count it."""
    return _problem_body(request, *_of_service(error))


def http_problem_body(request: Request, status: int, detail: str) -> dict[str, Any]:
    """Give a problem of HTTP itself in the same way."""
    code, title = HTTP_PROBLEMS[status]
    return _problem_body(request, status, code, title, detail)


def internal_problem(request: Request) -> Response:
    """Render what nobody foresaw."""
    code, title = HTTP_PROBLEMS[500]
    return problem_response(request, 500, code, title, _UNFORESEEN)


def internal_problem_body(request: Request) -> dict[str, Any]:
    """Give what nobody foresaw as a problem object."""
    return http_problem_body(request, 500, _UNFORESEEN)


def _of_service(error: ServiceError) -> tuple[int, str, str, str, Sequence[Flaw]]:
    status, title = next(PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS)
    flaws = error.flaws if isinstance(error, InvalidRequestError) else ()
    if status >= 500:  # noqa: PLR2004  those that operators want to know of
        log.warning("request_failed", code=error.code, detail=error.detail, exc_info=error.__cause__)
    return status, error.code, title, error.detail, flaws


def _problem_body(
    request: Request, status: int, code: str, title: str, detail: str, flaws: Sequence[Flaw] = ()
) -> dict[str, Any]:
    metrics.PROBLEMS.labels(code).inc()
    body: dict[str, Any] = {
        "type": f"{DOCS}#{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": f"urn:request:{request.scope.get('request_id', '')}",
        "code": code,
    }
    if flaws:
        body["errors"] = [_shown(flaw) for flaw in flaws[:_MAX_FLAWS]]
    return body


def invalid_body(error: ValidationError) -> InvalidRequestError:
    """Tell what pydantic found in a body, with a JSON pointer to each place; not where it found too much to list."""
    if (count := error.error_count()) > _MOST_LISTED:
        many = Flaw("", "too_many_flaws", "More is wrong than can be told place by place.")
        return InvalidRequestError(f"{count} things are wrong with it.", [many])
    found = [
        Flaw(_pointer(item["loc"]), item["type"], item["msg"])
        for item in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    # Of a union of two forms, both complain: the one that was not meant says only that it is another form.
    meant = {flaw.pointer for flaw in found if flaw.code not in _OTHER_FORM}
    flaws = {
        (flaw.pointer, flaw.code): flaw
        for flaw in found
        if flaw.code not in _OTHER_FORM
        or not any(place == flaw.pointer or place.startswith(f"{flaw.pointer}/") for place in meant)
    }
    return _invalid(list(flaws.values()))


def install_problem_handlers(app: FastAPI) -> None:
    """Give every error the one shape; what nobody foresaw is the middleware's."""
    for kind in PROBLEMS:  # a counter that is there from the start shows its first increase
        metrics.PROBLEMS.labels(kind.code)

    async def service_error(request: Request, error: Exception) -> Response:
        if not isinstance(error, ServiceError):
            raise error
        return service_problem(request, error)

    async def invalid_parameters(request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        flaws = [Flaw("", item["type"], item["msg"], str(item["loc"][-1])) for item in error.errors()]
        return service_problem(request, _invalid(flaws))

    async def http_error(request: Request, error: Exception) -> Response:
        if isinstance(error, HttpError):
            status, detail = error.status, error.detail
        elif isinstance(error, HTTPException):
            status, detail = error.status_code, str(error.detail)
        else:
            raise error
        code, title = HTTP_PROBLEMS.get(status, ("http_error", detail))
        response = problem_response(request, status, code, title, detail)
        if status == 405:  # noqa: PLR2004  its header is its own
            response.headers["Allow"] = ", ".join(_methods(app, request))
        return response

    app.add_exception_handler(ServiceError, service_error)
    app.add_exception_handler(RequestValidationError, invalid_parameters)
    app.add_exception_handler(HttpError, http_error)
    app.add_exception_handler(HTTPException, http_error)


def _invalid(flaws: Sequence[Flaw]) -> InvalidRequestError:
    count = len(flaws)
    return InvalidRequestError(f"{count} thing{'s are' if count > 1 else ' is'} wrong with it.", flaws)


def _shown(flaw: Flaw) -> dict[str, str]:
    shown = {"pointer": flaw.pointer, "code": flaw.code, "detail": flaw.detail}
    return shown if flaw.parameter is None else shown | {"parameter": flaw.parameter}


def _methods(app: FastAPI, request: Request) -> list[str]:
    """Return the methods of every route of a path; Starlette knows those of the first only."""
    return [
        method
        for method in _METHODS
        if any(route.matches(dict(request.scope) | {"method": method})[0] is Match.FULL for route in app.router.routes)
    ]


def _pointer(location: Iterable[int | str]) -> str:
    """Write a place as RFC 6901 has it; the names of union members and of key checks are no part of the path."""
    parts = [str(part) for part in location if part not in EMBEDDING_FORMS and part != "[key]"]
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)

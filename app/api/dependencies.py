"""What routes call: the services, built by the composition root."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.exceptions import RequestValidationError
from pydantic import StringConstraints, TypeAdapter, ValidationError

from app.api.authorisation import CallerOf
from app.api.bodies import IDEMPOTENCY_KEY
from app.domain.callers import Caller
from app.domain.idempotency import IdempotentRequest
from app.domain.keys import digest
from app.domain.replication import parse_position
from app.services.admission import Gates
from app.services.catalog import IndexCatalog
from app.services.explaining import AccessExplainer
from app.services.indexing import IndexingService
from app.services.readiness import ReadinessService
from app.services.reading import ReadingService
from app.services.recall import RecallService
from app.services.reporting import IndexReporter
from app.services.routing import ReadRouter
from app.services.searching import SearchService
from app.services.tokens import SearchTokens
from app.services.uploads import UploadService


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes call; built by the composition root."""

    catalog: IndexCatalog
    indexing: IndexingService
    uploads: UploadService
    reading: ReadingService
    search: SearchService
    recall: RecallService
    readiness: ReadinessService
    router: ReadRouter
    reporter: IndexReporter
    tokens: SearchTokens
    explaining: AccessExplainer
    gates: Gates


async def services_of(request: Request) -> Services:
    """Return the services of the application."""
    services: Services = request.app.state.services
    return services


ServicesOf = Annotated[Services, Depends(services_of)]


async def read_after(
    x_read_after: Annotated[
        str | None, Header(description="X-Write-LSN of a write: what it wrote is seen, whichever server is asked.")
    ] = None,
) -> int | None:
    """Return the place in the write-ahead log that a read must have seen.

    Raises
    ------
    InvalidRequestError
        It is none.
    """
    return None if x_read_after is None else parse_position(x_read_after, "X-Read-After")


AfterOf = Annotated[int | None, Depends(read_after)]


IdempotencyKey = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{1,255}$")]
_KEY: TypeAdapter[str] = TypeAdapter(IdempotencyKey)


async def idempotent_request_of(
    request: Request,
    caller: CallerOf,
    idempotency_key: Annotated[
        IdempotencyKey | None,
        Header(description="Drawn by the caller for this write, such as a UUID: repeated, it is answered as at first."),
    ] = None,
) -> IdempotentRequest | None:
    """Return what makes a write the same when it comes again; its body, if it has one, must be read by now."""
    if idempotency_key is None:
        return None
    said = (request.method, request.scope["path"], request.scope["query_string"])
    grant = caller.grant  # another key may be for another index, and leave its name out as well
    body: bytes | None = getattr(request.state, "body_digest", None)
    return IdempotentRequest(caller.tenant_id, idempotency_key, digest(*said, grant.key_id or grant.name, body))


async def read_idempotent_request(request: Request, caller: Caller) -> IdempotentRequest | None:
    """Do as `idempotent_request_of` for a route that takes no dependencies.

    Raises
    ------
    RequestValidationError
        The key is none.
    """
    key = request.headers.get(IDEMPOTENCY_KEY)
    try:
        return await idempotent_request_of(request, caller, None if key is None else _KEY.validate_python(key))
    except ValidationError as error:
        raise RequestValidationError(
            [item | {"loc": ("header", IDEMPOTENCY_KEY)} for item in error.errors()]
        ) from error


RequestOf = Annotated[IdempotentRequest | None, Depends(idempotent_request_of)]
"""To be named after the body: dependencies are resolved in the order of the parameters."""

IfMatchOf = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="ETag of the one document that is written: in another state by now, it is left alone (412).",
    ),
]

"""What every route needs: the services, the tenant, and a key where keys are configured."""

import re
import secrets
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.domain.errors import Flaw, InvalidTenantError, UnauthorisedError
from app.domain.idempotency import IdempotentRequest
from app.domain.keys import digest
from app.services.catalog import IndexCatalog
from app.services.indexing import IndexingService
from app.services.readiness import ReadinessService
from app.services.reading import ReadingService
from app.services.reporting import IndexReporter
from app.services.searching import SearchService
from app.services.uploads import UploadService

_TENANT = re.compile(r"[A-Za-z0-9_.\-]{1,150}")
_bearer = HTTPBearer(auto_error=False, description="Needed when VECTOR_SEARCH_API_KEYS is set.")


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes call; built by the composition root."""

    catalog: IndexCatalog
    indexing: IndexingService
    uploads: UploadService
    reading: ReadingService
    search: SearchService
    readiness: ReadinessService
    reporter: IndexReporter


async def services_of(request: Request) -> Services:
    """Return the services of the application."""
    services: Services = request.app.state.services
    return services


async def tenant_of(
    x_tenant_id: Annotated[str, Header(description="Whose indexes; a tenant's index is its own.")] = "public",
) -> str:
    """Return the tenant a request speaks for.

    Raises
    ------
    InvalidTenantError
        No tenant can have that name.
    """
    if not _TENANT.fullmatch(x_tenant_id):
        raise InvalidTenantError(
            "A tenant has 1 to 150 letters, digits, dots, hyphens and underscores.",
            [Flaw("", "pattern", "No tenant can have this name.", "X-Tenant-ID")],
        )
    return x_tenant_id


async def require_key(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
) -> None:
    """Refuse a request without a known key, if keys are configured.

    Raises
    ------
    UnauthorisedError
        There is none, or it is not known.
    """
    keys: tuple[str, ...] = request.app.state.api_keys
    if not keys:
        return
    given = (credentials.credentials if credentials else "").encode("latin-1")  # as the header came
    # Every key is compared, in constant time, so that time tells nothing.
    if not sum(secrets.compare_digest(given, key.encode()) for key in keys):
        raise UnauthorisedError("Send a known key as Authorization: Bearer <key>.")


ServicesOf = Annotated[Services, Depends(services_of)]
TenantOf = Annotated[str, Depends(tenant_of)]


async def idempotent_request_of(
    request: Request,
    tenant: TenantOf,
    idempotency_key: Annotated[
        str | None,
        Header(
            pattern=r"^[\x20-\x7e]{1,255}$",
            description="Drawn by the caller for this write, such as a UUID: repeated, it is answered as at first.",
        ),
    ] = None,
) -> IdempotentRequest | None:
    """Return what makes a write the same when it comes again; its body, if it has one, must be read by now."""
    if idempotency_key is None:
        return None
    said = (request.method, request.scope["path"], request.scope["query_string"])
    body: bytes | None = getattr(request.state, "body_digest", None)
    return IdempotentRequest(tenant, idempotency_key, digest(*said, body))


RequestOf = Annotated[IdempotentRequest | None, Depends(idempotent_request_of)]
"""To be named after the body: dependencies are resolved in the order of the parameters."""

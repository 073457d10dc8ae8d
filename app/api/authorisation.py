"""Which call needs what, in one place, and the check of it before a body is read.

A call that is in neither table answers nobody: it fails, and a test that walks the application says so first.
"""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from math import ceil
from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.types import Scope as Connection

from app.api.tenants import checked_tenant
from app.domain.callers import Caller, Scope
from app.domain.errors import ForbiddenError, RateLimitedError
from app.domain.filters import Filters, PermittedFilters
from app.domain.rates import RateLimiter
from app.observability.audit import write_audit
from app.services.authentication import Authenticator


@dataclass(frozen=True, slots=True)
class Needs:
    """What a call asks of a credential; ``tokens``: whether a search token may make it."""

    scopes: tuple[Scope, ...]
    tokens: bool = False

    @property
    def audited(self) -> bool:
        """Whether it leaves a line in the audit log, whatever it asks for."""
        return Scope.ADMIN in self.scopes or Scope.UNRESTRICTED in self.scopes


@dataclass(frozen=True, slots=True)
class Admission:
    """What decides about requests; built by the composition root, ``app.state.admission``."""

    authenticator: Authenticator
    limiter: RateLimiter


_READ = Needs((Scope.READ,))
_SEARCH = Needs((Scope.READ,), tokens=True)
_RAW = Needs((Scope.READ, Scope.UNRESTRICTED))
_WRITE = Needs((Scope.WRITE,))
_ADMIN = Needs((Scope.ADMIN,))

NEEDS: dict[tuple[str, str], Needs] = {
    ("POST", "/search"): _SEARCH,
    ("POST", "/search/recall"): _RAW,
    ("POST", "/chunks/retrieve"): _SEARCH,
    ("POST", "/chunks/scan"): _RAW,
    ("POST", "/documents"): _WRITE,
    ("POST", "/documents/bulk"): _WRITE,
    ("PATCH", "/documents"): _WRITE,
    ("POST", "/documents/delete"): _WRITE,
    ("GET", "/documents"): _RAW,
    ("GET", "/documents/{document_id:text}"): _RAW,
    ("DELETE", "/documents/{document_id:text}"): _WRITE,
    ("PUT", "/uploads/{upload_id}/parts/{part}"): _WRITE,
    ("POST", "/uploads/{upload_id}/commit"): _WRITE,
    ("DELETE", "/uploads/{upload_id}"): _WRITE,
    ("GET", "/indexes"): _READ,
    ("GET", "/indexes/{name}"): _READ,
    ("PUT", "/indexes/{name}"): _ADMIN,
    ("DELETE", "/indexes/{name}"): _ADMIN,
    ("DELETE", "/indexes/{name}/documents"): _ADMIN,
    ("POST", "/tokens"): _RAW,
    ("POST", "/access/explain"): _ADMIN,
}
"""Every call that needs a credential."""

OPEN = frozenset(
    {
        "/",
        "/health",
        "/health/ready",
        "/metrics",
        "/docs",
        "/docs/oauth2-redirect",
        "/redoc",
        "/openapi.json",
        "/console",
        "/console/",
        "/console/{name}",
    }
)
"""Paths that need none: probes, metrics, the API pages and the console, which hold nothing of anybody's."""

_FORWARDED = frozenset({b"forwarded", b"x-forwarded-for", b"x-real-ip"})
_bearer = HTTPBearer(auto_error=False, description="A key, a search token, or a token of the identity provider.")


async def authorise(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    x_tenant_id: Annotated[
        str | None,
        Header(
            description="Whose indexes; public when left out, or the only tenant of the key. Its indexes are its own."
        ),
    ] = None,
) -> Caller:
    """Find out who calls, and refuse what they may not do.

    Raises
    ------
    UnauthorisedError
        No known key came.
    ForbiddenError
        It does not allow this.
    RateLimitedError
        It has been used too often just now.
    InvalidTenantError
        No tenant can have that name.
    """
    admission: Admission = request.app.state.admission
    # As the header came: Starlette reads Latin-1, and keys may be anything.
    given = credentials.credentials.encode("latin-1").decode("utf-8", "surrogateescape") if credentials else None
    grant = await admission.authenticator.grant(given, local=_is_local(request))
    if wait := admission.limiter.take(grant.bucket or grant.name):
        raise RateLimitedError(f"This key makes too many requests; try again in {wait:.2f} s.", ceil(wait))
    call = (request.method, request.scope["route"].path)
    needs = NEEDS[call]
    caller = Caller(grant, checked_tenant(grant.tenant(x_tenant_id)))
    request.scope["caller"] = caller
    if needs.audited:  # before it can be refused
        _audit(request, call)
    grant.check_scopes(needs.scopes)
    if grant.enforced is not None and not needs.tokens:
        raise ForbiddenError("A search token is for POST /search and POST /chunks/retrieve.")
    return caller


async def authorise_request(request: Request) -> Caller:
    """Do as `authorise` for a route that takes no dependencies."""
    return await authorise(request, await _bearer(request), request.headers.get("x-tenant-id"))


def caller_of(request: Request) -> Caller:
    """Return who calls, once `authorise` has let them."""
    caller: Caller = request.scope["caller"]
    return caller


def permitted(request: Request, filters: Filters) -> PermittedFilters:
    """Turn what a request wants to see into what it gets to see; what asks without an access list is audited.

    Raises
    ------
    ForbiddenError
        It wants more than its key allows.
    """
    if filters.access_given and filters.access_control_list is None:
        _audit(request, (request.method, request.scope["route"].path))
    return caller_of(request).grant.permit(filters)


def checked_index(request: Request, index: str | None) -> str | None:
    """Return the index that a request is about, None for the default one, if the caller may have it.

    Raises
    ------
    ForbiddenError
        It is for other indexes.
    """
    default: str = request.app.state.default_index
    request.scope["audited_index"] = index or default
    return caller_of(request).grant.index(index, default)


def _audit(request: Request, call: tuple[str, str]) -> None:
    """Have a line written once it is known how the request ends."""
    request.scope["audited_call"] = " ".join(call)


def end_audit(scope: Connection, status: int) -> None:
    """Leave a line of what administrators do and of what is read without an access list, done or refused."""
    if "audited_call" in scope:
        caller: Caller = scope["caller"]
        write_audit(
            action=scope["audited_call"],
            caller=caller.grant.name,
            key_id=caller.grant.key_id,
            tenant=caller.tenant_id,
            index=scope.get("audited_index"),
            status=status,
        )


def _is_local(request: Request) -> bool:
    """Whether a request comes from this machine and was meant for it.

    A proxy on this machine passes on requests from elsewhere, and says so. A page in a browser on this machine
    may have had its name resolved to it; then the host that was asked for is that name.
    """
    if any(name in _FORWARDED for name, _ in request.scope["headers"]):
        return False
    asked = request.headers.get("host", "localhost")
    asked = asked.partition("]")[0].lstrip("[") if asked.startswith("[") else asked.partition(":")[0]
    return _is_loopback(asked) and (request.client is None or _is_loopback(request.client.host))


@lru_cache
def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


CallerOf = Annotated[Caller, Depends(authorise)]


async def tenant_of(caller: CallerOf) -> str:
    """Return the tenant a request speaks for."""
    return caller.tenant_id


async def index_of(
    request: Request,
    _caller: CallerOf,
    index: Annotated[
        str | None, Query(pattern=r"^[A-Za-z0-9_.\-]{1,150}$", description="The default index when left out.")
    ] = None,
) -> str | None:
    """Return the index that a query parameter names, if the caller may have it."""
    return checked_index(request, index)


async def name_of(
    request: Request, _caller: CallerOf, name: Annotated[str, Path(pattern=r"^[A-Za-z0-9_.\-]{1,150}$")]
) -> str:
    """Return the index that the path names, if the caller may have it."""
    checked_index(request, name)
    return name


TenantOf = Annotated[str, Depends(tenant_of)]
IndexOf = Annotated[str | None, Depends(index_of)]
NameOf = Annotated[str, Depends(name_of)]

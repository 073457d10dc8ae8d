"""Search tokens: short-lived, signed, and narrower than the key they are made with."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from hashlib import sha256
from time import time
from typing import Any
from uuid import uuid4

import jwt

from app.domain.callers import Grant, Scope
from app.domain.credentials import TOKEN_PREFIX
from app.domain.errors import ForbiddenError, InvalidRequestError, TokensDisabledError, UnauthorisedError
from app.domain.filters import Filters, TimeRange

_ALGORITHM = "HS256"
_ISSUER = "onyx-vector-search"
_AUDIENCE = "onyx-vector-search/search"
_REQUIRED = ["exp", "iat", "iss", "aud", "jti", "tenant", "index", "filters"]
_LEEWAY = 5
MAX_TOKEN_BYTES = 16_384
"""Larger ones do not fit into a header: servers and proxies stop at 16 to 64 kB."""
_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token, and the second (Unix time) from which on it is worthless."""

    token: str
    expires_at: int


class SearchTokens:
    """Issues and reads tokens.

    Parameters
    ----------
    secrets
        The first signs, all are read: so one can follow another. With none there are no tokens.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        # A secret of any length becomes a key of the length HS256 wants.
        self._keys = [sha256(b"search token:" + secret.encode()).digest() for secret in secrets]
        self._known: OrderedDict[bytes, tuple[Grant, float]] = OrderedDict()

    def issue(self, issuer: Grant, tenant_id: str, index: str, filters: Filters, seconds: int) -> IssuedToken:
        """Make a token for the searches of somebody.

        Raises
        ------
        TokensDisabledError
            There is no secret.
        ForbiddenError
            The issuer is a token itself.
        InvalidRequestError
            The token would be too long for a header.
        """
        if not self._keys:
            raise TokensDisabledError("No search tokens are issued here: set VECTOR_SEARCH_TOKEN_SECRETS.")
        if issuer.enforced is not None:
            raise ForbiddenError("A search token makes no other.")
        now = int(time())
        claims = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "iat": now,
            "exp": now + seconds,
            "jti": uuid4().hex,
            "name": issuer.name,
            "key": issuer.key_id,
            "tenant": tenant_id,
            "index": index,
            "filters": _to_claims(filters),
        }
        token = TOKEN_PREFIX + jwt.encode(claims, self._keys[0], _ALGORITHM)
        if len(token) > MAX_TOKEN_BYTES:
            raise InvalidRequestError(
                f"The token would have {len(token)} bytes, more than a header holds ({MAX_TOKEN_BYTES}): "
                "name fewer or shorter entries, or search on the user's behalf with a key."
            )
        return IssuedToken(token, now + seconds)

    def read(self, token: str) -> Grant:
        """Return what a token allows.

        Raises
        ------
        UnauthorisedError
            It was not signed here, was changed, or is too old.
        """
        digest = sha256(token.encode("utf-8", "surrogateescape")).digest()
        known = self._known.get(digest)
        if known is not None and time() < known[1]:
            return known[0]
        claims = self._claims(token.removeprefix(TOKEN_PREFIX))
        grant = _grant(claims)
        self._known[digest] = (grant, claims["exp"])
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return grant

    def _claims(self, text: str) -> dict[str, Any]:
        if len(text) > MAX_TOKEN_BYTES:
            raise UnauthorisedError("The search token is longer than any that is issued here.")
        for key in self._keys:
            try:
                found: dict[str, Any] = jwt.decode(
                    text,
                    key,
                    algorithms=[_ALGORITHM],
                    issuer=_ISSUER,
                    audience=_AUDIENCE,
                    leeway=_LEEWAY,
                    options={"require": _REQUIRED},
                )
            except jwt.InvalidSignatureError:
                continue
            except jwt.ExpiredSignatureError:
                raise UnauthorisedError("The search token has expired.") from None
            except (jwt.PyJWTError, ValueError, RecursionError):
                break
            return found
        raise UnauthorisedError("The search token is not one that was issued here.")


def _grant(claims: Mapping[str, Any]) -> Grant:
    return Grant(
        name=f"token of {claims['name']}",
        scopes=frozenset({Scope.READ}),
        tenants=frozenset({claims["tenant"]}),
        indexes=frozenset({claims["index"]}),
        enforced=_from_claims(claims["filters"]),
        key_id=claims["key"],
        bucket=f"token {claims['jti']}",
    )


def _to_claims(filters: Filters) -> dict[str, Any]:
    """Only what is set: a token is sent with every search."""
    claims: dict[str, Any] = {}
    for each in fields(Filters):
        value = getattr(filters, each.name)
        if isinstance(value, TimeRange):
            value = [None if at is None else at.isoformat() for at in (value.start, value.end)]
            value = value if any(value) else each.default
        if value != each.default:
            claims[each.name] = list(value) if isinstance(value, tuple) else value
    return claims


def _from_claims(claims: Mapping[str, Any]) -> Filters:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in claims.items()
    }
    for name in ("created_at", "updated_at"):
        if name in values:
            values[name] = TimeRange(*(None if at is None else datetime.fromisoformat(at) for at in values[name]))
    values["access_control_list"] = values.get("access_control_list") or ()  # whatever happens, never unrestricted
    return Filters(**values)

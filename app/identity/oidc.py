"""OpenID Connect: access tokens of an identity provider, checked against its published keys."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from time import monotonic, time
from typing import Any

import httpx
import jwt
import structlog

from app.domain.callers import Grant, Scope
from app.domain.errors import IdentityUnavailableError, UnauthorisedError

log = structlog.get_logger()

SCOPE_PREFIX = "vector-search:"
_DISCOVERY = "/.well-known/openid-configuration"
_FRESH_SECONDS = 3600.0
_PAUSE_SECONDS = 10.0
"""Between two fetches for the sake of a key that is not known: anybody can make up the name of one."""
_TIMEOUT = 5.0
_LEEWAY = 30
_MAX_TOKEN = 32_768
_MAX_ANSWER = 1_000_000
_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class OidcOptions:
    """What is expected of tokens.

    Attributes
    ----------
    issuer, audience
        What ``iss`` and ``aud`` must be.
    algorithms
        Asymmetric ones only: with a shared secret the public key would be one.
    jwks_url
        Where the keys are; found by discovery when None.
    scopes_claim
        Holds scopes such as ``vector-search:read``, separated by spaces or as a list.
    tenants_claim
        Holds the tenant or a list of them, ``*`` for all.
    """

    issuer: str
    audience: str
    algorithms: Sequence[str] = ("RS256", "ES256")
    jwks_url: str | None = None
    scopes_claim: str = "scope"
    tenants_claim: str = "tenants"


class OidcVerifier:
    """Checks tokens; keys are fetched beside the event loop's other work, and remembered."""

    def __init__(self, options: OidcOptions, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._options = options
        self._http = httpx.AsyncClient(timeout=_TIMEOUT, transport=transport)
        self._jwks_url = options.jwks_url
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._fetching = asyncio.Lock()
        self._known: OrderedDict[bytes, tuple[Grant, float]] = OrderedDict()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def grant(self, token: str) -> Grant:
        """Return what a token allows.

        Raises
        ------
        UnauthorisedError
            It is not one of the provider's for us, or not any more.
        IdentityUnavailableError
            The provider's keys cannot be had.
        """
        digest = sha256(token.encode("utf-8", "surrogateescape")).digest()
        known = self._known.get(digest)
        if known is not None and time() < known[1] and self._is_fresh():
            return known[0]
        claims = await self._claims(token)
        grant = _grant(claims, self._options)
        self._known[digest] = (grant, claims["exp"])
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return grant

    async def _claims(self, token: str) -> dict[str, Any]:
        if len(token) > _MAX_TOKEN:
            raise UnauthorisedError("The token is longer than any that is read.")
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in self._options.algorithms:
                raise UnauthorisedError("The token is signed by an algorithm that is not accepted.")
            key = await self._key(str(header.get("kid", "")))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=list(self._options.algorithms),
                audience=self._options.audience,
                issuer=self._options.issuer,
                leeway=_LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise UnauthorisedError("The token has expired.") from None
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise UnauthorisedError("The token is not one of the identity provider's for this service.") from None
        return claims

    async def _key(self, kid: str) -> jwt.PyJWK:
        if not self._is_fresh() or (kid not in self._keys and monotonic() - self._tried_at > _PAUSE_SECONDS):
            async with self._fetching:
                if not self._is_fresh() or kid not in self._keys:
                    await self._fetch()
        if kid not in self._keys:
            raise UnauthorisedError("The token is signed by a key that the identity provider does not publish.")
        return self._keys[kid]

    def _is_fresh(self) -> bool:
        return monotonic() - self._fetched_at < _FRESH_SECONDS

    async def _fetch(self) -> None:
        if monotonic() - self._tried_at < (_PAUSE_SECONDS if self._keys else 1.0):
            return
        self._tried_at = monotonic()
        try:
            if self._jwks_url is None:
                self._jwks_url = str((await self._get(self._options.issuer.rstrip("/") + _DISCOVERY))["jwks_uri"])
            found = jwt.PyJWKSet.from_dict(await self._get(self._jwks_url))
        except (httpx.HTTPError, httpx.InvalidURL, jwt.PyJWTError, ValueError, KeyError) as error:
            log.warning("identity_keys_unavailable", error=type(error).__name__)
            if not self._keys:
                raise IdentityUnavailableError("The identity provider's keys cannot be had.") from error
            return  # yesterday's keys are better than none
        self._keys = {key.key_id: key for key in found.keys if key.key_id is not None}
        self._known.clear()  # what a key vouched for that is gone is gone with it
        self._fetched_at = monotonic()

    async def _get(self, url: str) -> dict[str, Any]:
        answer = await self._http.get(url)
        answer.raise_for_status()
        if len(answer.content) > _MAX_ANSWER:
            raise ValueError("the answer is too large")
        found: dict[str, Any] = answer.json()
        return found


def _grant(claims: Mapping[str, Any], options: OidcOptions) -> Grant:
    scopes = _texts(claims.get(options.scopes_claim))
    tenants = frozenset(_texts(claims.get(options.tenants_claim)))
    known = {f"{SCOPE_PREFIX}{scope}": scope for scope in Scope}
    return Grant(
        name=f"oidc {claims['sub']}",
        scopes=frozenset(known[scope] for scope in scopes if scope in known),
        tenants=None if "*" in tenants else tenants,
    )


def _texts(claim: object) -> list[str]:
    if isinstance(claim, str):
        return claim.split()
    return [each for each in claim if isinstance(each, str)] if isinstance(claim, list) else []

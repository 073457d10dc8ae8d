"""Who calls, by what they bear: a key, a search token, an identity provider's token, or nothing."""

from app.domain.callers import Grant
from app.domain.credentials import KEY_PREFIX, TOKEN_PREFIX, digest_of
from app.domain.errors import ForbiddenError, UnauthorisedError
from app.identity.oidc import OidcVerifier
from app.services.keys import KeyRing
from app.services.tokens import SearchTokens

ANONYMOUS = Grant("anonymous")
_JWT_PARTS = 3
_UNKNOWN = "Send a known key as Authorization: Bearer <key>."


class Authenticator:
    """Turns what a request bears into what it allows.

    Parameters
    ----------
    ring
        The keys.
    tokens
        The search tokens.
    oidc
        The identity provider, if there is one.
    allow_anonymous
        Whether anybody may do anything where no key is configured, from wherever they come.
    """

    def __init__(
        self, ring: KeyRing, tokens: SearchTokens, oidc: OidcVerifier | None, *, allow_anonymous: bool
    ) -> None:
        self._ring = ring
        self._tokens = tokens
        self._oidc = oidc
        self._allow_anonymous = allow_anonymous

    async def grant(self, bearer: str | None, *, local: bool) -> Grant:
        """Return what a request may do.

        Parameters
        ----------
        bearer
            What it bears.
        local
            Whether it comes from this machine.

        Raises
        ------
        UnauthorisedError
            It bears nothing that is known.
        ForbiddenError
            No key is configured, and it comes from another machine.
        """
        if bearer:
            found = await self._known(bearer)
            if found is not None:
                return found
        if self._oidc is not None or await self._ring.has_any():
            raise UnauthorisedError(_UNKNOWN)
        if not local and not self._allow_anonymous:
            raise ForbiddenError(
                "No key is configured, so only this machine is answered. Set VECTOR_SEARCH_API_KEYS, make a key with "
                "`vector-search keys create`, or, where the network keeps strangers out, VECTOR_SEARCH_ALLOW_ANONYMOUS."
            )
        return ANONYMOUS

    async def _known(self, bearer: str) -> Grant | None:
        found = await self._ring.find(digest_of(bearer))
        if found is not None or bearer.startswith(KEY_PREFIX):
            return found
        if bearer.startswith(TOKEN_PREFIX):
            grant = self._tokens.read(bearer)
            if grant.key_id is not None and not await self._ring.is_live(grant.key_id):
                raise UnauthorisedError("The key that this search token was made with was revoked.")
            return grant
        if self._oidc is not None and bearer.count(".") == _JWT_PARTS - 1:
            return await self._oidc.grant(bearer)
        return None

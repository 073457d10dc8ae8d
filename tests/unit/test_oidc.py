"""Access tokens of an identity provider: checked against its keys, which are fetched as seldom as can be."""

import json
from collections.abc import Callable
from time import monotonic, time
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from app.domain.callers import Scope
from app.domain.errors import IdentityUnavailableError, UnauthorisedError
from app.identity import oidc as module
from app.identity.oidc import OidcOptions, OidcVerifier

ISSUER = "https://id.example.com/realms/onyx"
OPTIONS = OidcOptions(ISSUER, "vectors")
RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
STRANGER = rsa.generate_private_key(65537, 2048)


class Provider:
    """An identity provider that can be away, and can change its keys."""

    def __init__(self) -> None:
        self.keys = {
            "one": json.loads(RSAAlgorithm.to_jwk(RSA_KEY.public_key())),
            "two": json.loads(ECAlgorithm.to_jwk(EC_KEY.public_key())),
        }
        self.calls: list[str] = []
        self.away = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(request.url.path)
        if self.away:
            raise httpx.ConnectError("away")
        if request.url.path.endswith("/.well-known/openid-configuration"):
            return httpx.Response(200, json={"jwks_uri": f"{ISSUER}/keys"})
        return httpx.Response(200, json={"keys": [key | {"kid": kid} for kid, key in self.keys.items()]})


def verifier(provider: Provider, options: OidcOptions = OPTIONS) -> OidcVerifier:
    return OidcVerifier(options, httpx.MockTransport(provider))


def token(kid: str = "one", key: Any = RSA_KEY, algorithm: str = "RS256", **claims: object) -> str:  # noqa: ANN401
    standard = {"iss": ISSUER, "aud": "vectors", "sub": "ann", "exp": time() + 60, "scope": "vector-search:read"}
    said = {name: value for name, value in (standard | claims).items() if value is not None}
    return jwt.encode(said, key, algorithm, headers={"kid": kid})


async def test_scopes_and_tenants_come_from_claims() -> None:
    oidc = verifier(Provider())
    grant = await oidc.grant(token(scope="openid vector-search:read vector-search:unrestricted x", tenants=["t", "u"]))
    assert grant.scopes == frozenset({Scope.READ, Scope.UNRESTRICTED})
    assert grant.tenants == frozenset({"t", "u"})
    assert grant.name == "oidc ann"
    assert (await oidc.grant(token())).tenants == frozenset()  # says nothing of tenants: goes nowhere
    assert (await oidc.grant(token(tenants="*"))).tenants is None
    assert (await oidc.grant(token("two", EC_KEY, "ES256", scope=["vector-search:admin"]))).scopes == frozenset(
        {Scope.ADMIN}
    )
    named = verifier(Provider(), OidcOptions(ISSUER, "vectors", scopes_claim="roles", tenants_claim="org"))
    grant = await named.grant(token(roles=["vector-search:write"], org="t"))
    assert (grant.scopes, grant.tenants) == (frozenset({Scope.WRITE}), frozenset({"t"}))


WRONG: dict[str, Callable[[], str]] = {
    "expired": lambda: token(exp=time() - 60),
    "not yet": lambda: token(nbf=time() + 600),
    "another issuer": lambda: token(iss="https://evil.example"),
    "another audience": lambda: token(aud="another"),
    "no audience": lambda: token(aud=None),
    "no end": lambda: token(exp=None),
    "nobody": lambda: token(sub=None),
    "another key": lambda: token(key=STRANGER),
    "a key of another kind": lambda: token("two", RSA_KEY),
    "an unknown key": lambda: token("three"),
    "a shared secret": lambda: token(key="x" * 64, algorithm="HS256"),
    "no signature": lambda: token(key=None, algorithm="none"),
    "an algorithm that is not accepted": lambda: token(algorithm="PS512"),
    "no token": lambda: "a.b.c",
    "too long": lambda: "a.b." + "c" * 100_000,
}


@pytest.mark.parametrize("case", WRONG)
async def test_what_is_not_the_providers_for_us_is_refused(case: str) -> None:
    with pytest.raises(UnauthorisedError):
        await verifier(Provider()).grant(WRONG[case]())


async def test_keys_are_fetched_once_and_again_for_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = Provider()
    oidc = verifier(provider)
    for _ in range(20):
        await oidc.grant(token())
    assert len(provider.calls) == 2  # where the keys are, and the keys
    for number in range(50):  # anybody can name keys that are not there
        with pytest.raises(UnauthorisedError):
            await oidc.grant(token(f"made up {number}"))
    assert len(provider.calls) == 2
    provider.keys = {"new": json.loads(RSAAlgorithm.to_jwk(STRANGER.public_key()))}
    later = monotonic() + 11
    monkeypatch.setattr(module, "monotonic", lambda: later)
    assert (await oidc.grant(token("new", STRANGER))).name.startswith("oidc ")
    assert len(provider.calls) == 3
    with pytest.raises(UnauthorisedError):  # a key that is gone vouches for nobody, remembered or not
        await oidc.grant(token())


async def test_a_provider_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = Provider()
    provider.away = True
    oidc = verifier(provider)
    with pytest.raises(IdentityUnavailableError):
        await oidc.grant(token())
    provider.away = False
    later = monotonic() + 2
    monkeypatch.setattr(module, "monotonic", lambda: later)
    assert (await oidc.grant(token())).name.startswith("oidc ")
    provider.away = True
    much_later = later + 7200
    monkeypatch.setattr(module, "monotonic", lambda: much_later)
    assert (await oidc.grant(token(sub="bob"))).name.startswith("oidc ")  # remembered keys go on
    await oidc.close()

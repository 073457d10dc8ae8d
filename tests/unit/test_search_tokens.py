"""Search tokens: what was signed is what counts, and only for as long as it says."""

import base64
import json
from datetime import UTC, datetime
from time import time
from typing import Any

import jwt
import pytest

from app.domain.callers import Grant, Scope
from app.domain.credentials import TOKEN_PREFIX
from app.domain.errors import ForbiddenError, InvalidRequestError, TokensDisabledError, UnauthorisedError
from app.domain.filters import Filters, TimeRange
from app.services.tokens import SearchTokens

FIRST, SECOND = "a first secret of 32 characters!", "a second secret of 32 characters"
ISSUER = Grant("backend", key_id="k1")
FILTERS = Filters(
    access_control_list=("user_email:a@x.io", '文書 "\\'),
    hidden=None,
    source_type=("web",),
    document_ids=("a/b",),
    persona_id=0,
    updated_at=TimeRange(datetime(2026, 1, 1, tzinfo=UTC), None),
    metadata={"k": ["v"], "n": 1.5},
)


def issued(seconds: int = 60, filters: Filters = FILTERS, secrets: tuple[str, ...] = (FIRST,)) -> str:
    return SearchTokens(secrets).issue(ISSUER, "t", "i", filters, seconds).token


def test_a_token_says_what_it_was_made_for() -> None:
    grant = SearchTokens([FIRST]).read(issued())
    assert grant.enforced == FILTERS
    assert (grant.tenants, grant.indexes) == (frozenset({"t"}), frozenset({"i"}))
    assert grant.scopes == frozenset({Scope.READ})
    assert grant.key_id == "k1"
    assert grant.bucket.startswith("token ")
    for least in (Filters(access_control_list=()), Filters(access_control_list=("a",))):
        assert SearchTokens([FIRST]).read(issued(filters=least)).enforced == least


def test_secrets_are_changed_one_after_the_other() -> None:
    old, new = issued(), issued(secrets=(SECOND, FIRST))
    both = SearchTokens([SECOND, FIRST])
    assert both.read(old).enforced == both.read(new).enforced == FILTERS
    with pytest.raises(UnauthorisedError):
        SearchTokens([SECOND]).read(old)
    with pytest.raises(UnauthorisedError):
        SearchTokens([]).read(new)


def test_a_token_grows_old_even_when_it_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnauthorisedError, match="expired"):
        SearchTokens([FIRST]).read(issued(-10))
    tokens, token = SearchTokens([FIRST]), issued(60)
    looked_at = []

    def decode(*_: object, **__: object) -> None:
        looked_at.append(1)
        raise jwt.ExpiredSignatureError

    assert tokens.read(token).enforced == FILTERS
    monkeypatch.setattr("jwt.decode", decode)
    assert tokens.read(token).enforced == FILTERS
    assert not looked_at
    later = time() + 61
    monkeypatch.setattr("app.services.tokens.time", lambda: later)
    with pytest.raises(UnauthorisedError, match="expired"):
        tokens.read(token)


def parts(token: str) -> tuple[dict[str, object], dict[str, object], str]:
    header, claims, signature = token.removeprefix(TOKEN_PREFIX).split(".")
    return decoded(header), decoded(claims), signature


def decoded(text: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_whatever_is_changed_is_noticed() -> None:
    tokens, token = SearchTokens([FIRST]), issued()
    header, claims, signature = parts(token)
    changes: list[dict[str, Any]] = [
        *({name: ""} for name in claims),
        {"tenant": "u"}, {"index": "j"}, {"filters": {}}, {"exp": 2**40}, {"filters": {"access_control_list": None}},
    ]  # fmt: skip
    for change in changes:
        with pytest.raises(UnauthorisedError):
            tokens.read(f"{TOKEN_PREFIX}{encoded(header)}.{encoded(claims | change)}.{signature}")
    body = token.removeprefix(TOKEN_PREFIX)
    for place in range(0, len(body), 7):
        with pytest.raises(UnauthorisedError):
            tokens.read(TOKEN_PREFIX + body[:place] + ("A" if body[place] != "A" else "B") + body[place + 1 :])
    for broken in ("", ".", "..", "...", "a.b.c", body + "A", body[:-2], "é.é.é", "." + body, "\x00", "x" * 50_000):
        with pytest.raises(UnauthorisedError):
            tokens.read(TOKEN_PREFIX + broken)


@pytest.mark.parametrize("algorithm", ["none", "HS384", "HS512"])
def test_other_algorithms_are_refused(algorithm: str) -> None:
    _, claims, _ = parts(issued())
    key = None if algorithm == "none" else SearchTokens([FIRST])._keys[0] * 2
    with pytest.raises(UnauthorisedError):
        SearchTokens([FIRST]).read(TOKEN_PREFIX + jwt.encode(claims, key or "", algorithm))


@pytest.mark.parametrize("name", ["exp", "iat", "iss", "aud", "jti", "tenant", "index", "filters"])
def test_a_claim_that_is_missing_makes_it_worthless(name: str) -> None:
    tokens = SearchTokens([FIRST])
    _, claims, _ = parts(issued())
    del claims[name]
    with pytest.raises(UnauthorisedError):
        tokens.read(TOKEN_PREFIX + jwt.encode(claims, tokens._keys[0], "HS256"))


def test_a_signed_token_without_a_list_sees_public_documents_only() -> None:
    tokens = SearchTokens([FIRST])
    _, claims, _ = parts(issued())
    grant = tokens.read(TOKEN_PREFIX + jwt.encode(claims | {"filters": {}}, tokens._keys[0], "HS256"))
    assert grant.permit(Filters(access_given=False)).access_control_list == ()


def test_what_cannot_be_issued_is_refused() -> None:
    with pytest.raises(TokensDisabledError):
        issued(secrets=())
    with pytest.raises(InvalidRequestError, match="header"):
        issued(filters=Filters(access_control_list=tuple(f"user:{number}" for number in range(5000))))
    with pytest.raises(ForbiddenError):
        SearchTokens([FIRST]).issue(SearchTokens([FIRST]).read(issued()), "t", "i", FILTERS, 60)

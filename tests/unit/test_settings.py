"""Settings: the seed's names, refusals of typos, and secrets that stay secret."""

import json
import os
from hashlib import sha256
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.domain.callers import EVERY_SCOPE, Scope
from app.domain.credentials import digest_of
from app.key_settings import ApiKeySetting, configured_keys
from app.settings import PREFIXES, Settings, database_dsn
from app.storage.transport import dsn_with_tls


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    aliases = {str(field.validation_alias) for field in Settings.model_fields.values()}
    for name in list(os.environ):
        if name in aliases or name.startswith(PREFIXES):
            monkeypatch.delenv(name)


def test_defaults_need_nothing() -> None:
    settings = Settings()
    assert settings.wants_embedded
    assert (settings.default_index, settings.default_dimension) == ("documents", 384)
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.data_dir == Path("data")
    assert settings.api_keys == ()
    with pytest.raises(ValueError, match="DATABASE_URL"):
        database_dsn(settings)


def test_the_seeds_names_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "VECTOR_DB_TYPE": "pgvector",
        "VECTOR_DB_HOST": "db.internal",
        "VECTOR_DB_PORT": "6543",
        "VECTOR_DB_NAME": "a/b",
        "VECTOR_DB_TABLE": "chunks",
        "VECTOR_DB_EMBEDDING_DIMENSION": "768",
        "POSTGRES_USER": "o'x",
        "POSTGRES_PASSWORD": "p@ss:w/rd",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert not settings.wants_embedded
    dsn, _, query = database_dsn(settings).partition("?")
    assert dsn == "postgresql://o%27x:p%40ss%3Aw%2Frd@db.internal:6543/a%2Fb"
    assert query.startswith("sslmode=verify-full&sslrootcert=")
    assert (settings.default_index, settings.default_dimension) == ("chunks", 768)


def test_a_dsn_overrides_the_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VECTOR_DB_HOST", "elsewhere")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@127.0.0.1/d")
    assert database_dsn(Settings()) == "postgresql://u@127.0.0.1/d"


@pytest.mark.parametrize(
    ("dsn", "verified"),
    [
        ("postgresql://u@db.internal/d", True),
        ("postgresql://u@db.internal/d?application_name=x", True),
        ("postgresql://u@10.0.0.5:5432/d", True),
        ("postgresql://u@localhost:5432,db.internal:5432/d", True),
        ("postgresql:///d?host=db.internal", True),
        ("postgresql://u@[fd00::1]:5432/d", True),
        ("postgresql://u@localhost/d", False),
        ("postgresql://u@127.0.0.1:5432,127.0.0.2/d", False),
        ("postgresql://u@[::1]:5432/d", False),
        ("postgresql:///d?host=/var/run/postgresql", False),
        ("postgresql://u@%2Fvar%2Frun/d", False),
        ("postgresql://u@db.internal/d?sslmode=disable", False),
        ("postgresql://u@db.internal/d?sslmode=require", False),
    ],
)
def test_a_database_elsewhere_must_prove_who_it_is(dsn: str, verified: bool) -> None:  # noqa: FBT001  a parameter
    said = dsn_with_tls(dsn)
    assert said.startswith(dsn)
    assert said.count("?") <= 1
    assert ("sslmode=verify-full" in said) == verified
    assert ("sslrootcert=" in said) == verified
    assert verified or said == dsn


def test_how_tls_is_done_can_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = "postgresql://u@db.internal/d"
    assert dsn_with_tls(elsewhere, "disable") == f"{elsewhere}?sslmode=disable"
    given = dsn_with_tls(elsewhere, "verify-ca", Path("/etc/ca.pem"))
    assert given == f"{elsewhere}?sslmode=verify-ca&sslrootcert=%2Fetc%2Fca.pem"
    assert dsn_with_tls(f"{elsewhere}?sslmode=require", "disable") == f"{elsewhere}?sslmode=require"
    monkeypatch.setenv("PGSSLMODE", "prefer")
    assert dsn_with_tls(elsewhere) == elsewhere


@pytest.mark.parametrize("name", ["VECTOR_DB_EMBEDING_DIMENSION", "VECTOR_SEARCH_WORKER", "VECTOR_DB_USER"])
def test_a_typo_in_a_prefixed_name_stops_the_start(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(ValidationError, match=f"unknown settings: {name}"):
        Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VECTOR_DB_TYPE", "vespa"),
        ("VECTOR_DB_EMBEDDING_DIMENSION", "4001"),
        ("VECTOR_DB_EMBEDDING_DIMENSION", "0"),
        ("VECTOR_DB_TABLE", "no spaces"),
        ("VECTOR_DB_TABLE", ""),
        ("PORT", "65536"),
        ("VECTOR_SEARCH_EMBEDDED_VERSION", "17"),
        ("LOG_LEVEL", "loud"),
        ("VECTOR_SEARCH_API_KEYS", "not json"),
    ],
)
def test_what_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=r"(?i)settings"):
        Settings()


def test_other_variables_are_nobodys_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VECTORS", "1")
    monkeypatch.setenv("HOME", "/")
    Settings()


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VECTOR_SEARCH_API_KEYS", '["key-one", "key-two"]')
    monkeypatch.setenv("POSTGRES_PASSWORD", "word-of-mouth")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:dsn-secret@h/d")
    settings = Settings()
    assert [key.get_secret_value() for key in settings.api_keys if not isinstance(key, ApiKeySetting)] == [
        "key-one", "key-two"
    ]  # fmt: skip
    for secret in ("key-one", "word-of-mouth", "dsn-secret"):
        assert secret not in repr(settings)


def test_keys_may_say_what_they_may_do(monkeypatch: pytest.MonkeyPatch) -> None:
    digest = sha256(b"third").hexdigest()
    listed = [
        "first",
        {"name": "second", "key": "second", "scopes": ["read"], "tenants": ["t"]},
        {"name": "third", "sha256": digest, "scopes": ["read", "write"], "indexes": ["i"]},
    ]
    monkeypatch.setenv("VECTOR_SEARCH_API_KEYS", json.dumps(listed))
    first, second, third = configured_keys(Settings().api_keys)
    assert first.grant.scopes == EVERY_SCOPE
    assert (second.grant.scopes, second.grant.tenants, second.grant.indexes) == (
        frozenset({Scope.READ}),
        frozenset({"t"}),
        None,
    )
    assert (third.grant.scopes, third.grant.indexes) == (frozenset({Scope.READ, Scope.WRITE}), frozenset({"i"}))
    assert [key.digest for key in (first, second, third)] == [digest_of(text) for text in ("first", "second", "third")]
    assert "second'" not in repr(Settings()).replace("name='second'", "")


@pytest.mark.parametrize(
    "listed",
    [
        [""],
        [{"name": "n", "scopes": ["read"]}],
        [{"name": "n", "key": "k", "scopes": []}],
        [{"name": "n", "key": "k", "scopes": ["root"]}],
        [{"name": "n", "key": "k", "sha256": "0" * 64, "scopes": ["read"]}],
        [{"name": "n", "sha256": "0" * 63, "scopes": ["read"]}],
        [{"name": "n", "key": "k", "scopes": ["read"], "tenants": []}],
        [{"name": "n", "key": "k", "scopes": ["read"], "scope": "admin"}],
        [{"name": "", "key": "k", "scopes": ["read"]}],
    ],
    ids=str,
)
def test_keys_that_make_no_sense_stop_the_start(monkeypatch: pytest.MonkeyPatch, listed: list[object]) -> None:
    monkeypatch.setenv("VECTOR_SEARCH_API_KEYS", json.dumps(listed))
    with pytest.raises(ValidationError):
        Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VECTOR_SEARCH_TOKEN_SECRETS", '["short"]'),
        ("VECTOR_SEARCH_OIDC_ISSUER", "https://id.example.com"),
        ("VECTOR_SEARCH_OIDC_AUDIENCE", "vectors"),
        ("VECTOR_SEARCH_OIDC_ALGORITHMS", '["HS256"]'),
        ("VECTOR_SEARCH_OIDC_ALGORITHMS", '["none"]'),
    ],
)
def test_half_an_identity_stops_the_start(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        Settings()


def test_settings_are_frozen_and_described() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc]
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []

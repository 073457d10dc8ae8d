"""Settings: the seed's names, refusals of typos, and secrets that stay secret."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.settings import PREFIXES, Settings, database_dsn


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
    assert database_dsn(settings) == "postgresql://o%27x:p%40ss%3Aw%2Frd@db.internal:6543/a%2Fb"
    assert (settings.default_index, settings.default_dimension) == ("chunks", 768)


def test_a_dsn_overrides_the_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VECTOR_DB_HOST", "elsewhere")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@h/d")
    assert database_dsn(Settings()) == "postgresql://u@h/d"


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
    assert [key.get_secret_value() for key in settings.api_keys] == ["key-one", "key-two"]
    for secret in ("key-one", "word-of-mouth", "dsn-secret"):
        assert secret not in repr(settings)


def test_settings_are_frozen_and_described() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc]
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []

"""Keys as the settings name them: plain ones that may do everything, and others that say what they may do."""

from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator

from app.domain.callers import Grant, Scope
from app.domain.credentials import Key, digest_of

IndexName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.\-]{1,150}$")]


class ApiKeySetting(BaseModel):
    """A key with what it may do: the key itself, or its SHA-256 so that the settings hold nothing secret."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.\-]{1,100}$")]
    key: SecretStr | None = None
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    scopes: Annotated[frozenset[Scope], Field(min_length=1)]
    tenants: Annotated[frozenset[str], Field(min_length=1)] | None = None
    indexes: Annotated[frozenset[IndexName], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _check_one_form(self) -> Self:
        if (self.key is None) == (self.sha256 is None):
            raise ValueError("an API key has either key or sha256")
        return self


def configured_keys(listed: Iterable[SecretStr | ApiKeySetting]) -> list[Key]:
    """Return the keys of the settings; a plain one may do everything."""
    keys = []
    for place, each in enumerate(listed, start=1):
        name = each.name if isinstance(each, ApiKeySetting) else f"settings-{place}"
        if not isinstance(each, ApiKeySetting):
            keys.append(Key(digest_of(secret_of(each)), Grant(name, key_id=f"{name}")))
            continue
        digest = bytes.fromhex(each.sha256) if each.sha256 is not None else digest_of(secret_of(each.key))
        keys.append(Key(digest, Grant(name, each.scopes, each.tenants, each.indexes, key_id=name)))
    return keys


def secret_of(secret: SecretStr | None) -> str:
    """Return a secret; empty where there is none."""
    return "" if secret is None else secret.get_secret_value()

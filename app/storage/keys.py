"""API keys that are kept in the database."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from app.domain.callers import Grant, Scope
from app.domain.credentials import Key
from app.storage.database import Database
from app.storage.statements import statement


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key with its history."""

    key: Key
    created_at: datetime
    revoked_at: datetime | None


class KeyRepository:
    """Reads and changes keys; what is secret of them is not here."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_all(self) -> list[StoredKey]:
        """Return every key, revoked ones too, oldest first."""
        async with self._database.session("probe") as session:  # searches that are busy do not hold it up
            rows = await session.fetch(statement("keys/list_keys"))
        return [
            StoredKey(
                Key(
                    row["digest"],
                    Grant(
                        row["name"],
                        frozenset(Scope(scope) for scope in row["scopes"]),
                        _names(row["tenants"]),
                        _names(row["indexes"]),
                        key_id=row["key_id"],
                    ),
                    row["expires_at"],
                ),
                row["created_at"],
                row["revoked_at"],
            )
            for row in rows
        ]

    async def create(self, key: Key) -> None:
        """Keep a key."""
        grant = key.grant
        async with self._database.session("write") as session:
            await session.execute(
                statement("keys/create_key"),
                key_id=grant.key_id,
                digest=key.digest,
                name=grant.name,
                scopes=sorted(grant.scopes),
                tenants=None if grant.tenants is None else sorted(grant.tenants),
                indexes=None if grant.indexes is None else sorted(grant.indexes),
                expires_at=key.expires_at,
            )

    async def revoke(self, key_id: str) -> bool:
        """Make a key worthless; whether there was one that was not."""
        async with self._database.session("write") as session:
            return await session.fetch_row(statement("keys/revoke_key"), key_id=key_id) is not None


def _names(names: Iterable[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)

"""Commands about API keys."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from app.cli.toolbox import named_database
from app.domain.callers import Grant, Scope
from app.domain.credentials import draw_key
from app.domain.errors import InvalidRequestError
from app.observability.logging import configure_logging
from app.settings import Settings
from app.storage.database import Database
from app.storage.keys import KeyRepository, StoredKey
from app.storage.pools import PoolOptions

T = TypeVar("T")

_commands = typer.Typer(help="API keys kept in the database, by their digests.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="What logs call it, such as onyx-api.")]
KeyId = Annotated[str, typer.Argument(help="The id that list shows; in a key it stands between the first two _.")]
Scopes = Annotated[list[Scope], typer.Option("--scope", help="What it may do; several times for several.")]
Tenants = Annotated[list[str] | None, typer.Option("--tenant", help="Where; every tenant when left out.")]
Indexes = Annotated[list[str] | None, typer.Option("--index", help="Where; every index when left out.")]
Days = Annotated[int | None, typer.Option("--days", min=1, help="How long; until it is revoked when left out.")]


def register(cli: typer.Typer) -> None:
    """Add the commands."""
    cli.add_typer(_commands, name="keys")


@_commands.command()
def create(name: Name, *, scope: Scopes, tenant: Tenants = None, index: Indexes = None, days: Days = None) -> None:
    """Make a key. It is shown once, on standard output, and kept by its digest only."""
    expires_at = None if days is None else datetime.now(UTC) + timedelta(days=days)
    grant = Grant(name, frozenset(scope), _names(tenant), _names(index))
    text, key = draw_key(grant, expires_at)
    _run(lambda keys: keys.create(key))
    typer.echo(f"Key {key.grant.key_id} may {', '.join(sorted(key.grant.scopes))}. It is not shown again:", err=True)
    typer.echo(text)


@_commands.command(name="list")
def list_keys() -> None:
    """Show every key that was made, revoked ones too."""
    table = Table("id", "name", "scopes", "tenants", "indexes", "created", "state")
    for stored in _run(lambda keys: keys.list_all()):
        grant = stored.key.grant
        table.add_row(
            grant.key_id,
            grant.name,
            " ".join(sorted(grant.scopes)),
            _shown(grant.tenants),
            _shown(grant.indexes),
            f"{stored.created_at:%Y-%m-%d}",
            _state(stored),
        )
    Console(width=160).print(table)


@_commands.command()
def revoke(key_id: KeyId) -> None:
    """Make a key worthless; every process knows within a second."""
    if not _run(lambda keys: keys.revoke(key_id)):
        raise InvalidRequestError(f'There is no key "{key_id}" that counts.')
    typer.echo(f"Key {key_id} is revoked.")


def _run(work: Callable[[KeyRepository], Awaitable[T]]) -> T:
    settings = Settings()
    configure_logging("error", settings.log_format)

    async def connected(dsn: str) -> T:
        database = Database(dsn, PoolOptions(search_connections=1, write_connections=1))
        await database.open()
        try:
            return await work(KeyRepository(database))
        finally:
            await database.close()

    with named_database(settings) as dsn:
        return asyncio.run(connected(dsn))


def _names(names: list[str] | None) -> frozenset[str] | None:
    return frozenset(names) if names else None


def _shown(names: frozenset[str] | None) -> str:
    return "all" if names is None else " ".join(sorted(names))


def _state(stored: StoredKey) -> str:
    if stored.revoked_at is not None:
        return f"revoked {stored.revoked_at:%Y-%m-%d %H:%M}"
    expires_at = stored.key.expires_at
    if expires_at is None:
        return "counts"
    return f"{'expired' if expires_at <= datetime.now(UTC) else 'until'} {expires_at:%Y-%m-%d}"

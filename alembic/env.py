"""Runs the SQL files of sql/migrations over asyncpg, one transaction for all of an upgrade."""

import asyncio
from typing import Any

import asyncpg
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from alembic import context
from app.settings import Settings, database_dsn

MIGRATION_LOCK = 4000


def _dsn() -> str:
    given: str | None = context.config.attributes.get("dsn")
    return given or database_dsn(Settings())


def _upgrade(connection: Connection) -> None:
    context.configure(connection=connection, transactional_ddl=True)
    with context.begin_transaction():
        # Several replicas start at once: all but one wait here, and then find nothing to do.
        connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
        context.run_migrations()


async def _run_online() -> None:
    async def connect() -> Any:  # noqa: ANN401  asyncpg publishes no types
        return await asyncpg.connect(_dsn())

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    asyncio.run(_run_online())

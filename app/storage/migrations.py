"""The schema's migrations: SQL files run by Alembic.

Alembic and SQLAlchemy are imported when there is something to migrate: twenty megabytes that a service does without.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from app.storage.errors import translated_errors
from app.storage.hosts import primary_of
from app.storage.statements import SQL, statement

if TYPE_CHECKING:
    from alembic.config import Config


def run_file(name: str) -> None:
    """Run one file of sql/migrations in the current Alembic operation, as psql would.

    The script goes through the raw connection: SQLAlchemy would take ``::`` for parameters, and the
    prepared protocol would take one statement only.
    """
    from sqlalchemy.util import await_only  # noqa: PLC0415  see above

    from alembic import op  # noqa: PLC0415

    script = (SQL / "migrations" / name).read_text(encoding="utf-8")
    migration = op.get_context()
    if migration.as_sql:
        migration.impl.static_output(script)
        return
    adapted = op.get_bind().connection.dbapi_connection
    if adapted is None:
        raise AssertionError("an online migration has a connection")
    await_only(adapted.driver_connection.execute(script))


def has_citus() -> bool:
    """Return whether the database that is migrated has the extension Citus; a script is for one that has not."""
    from sqlalchemy import text  # noqa: PLC0415  see above

    from alembic import op  # noqa: PLC0415

    if op.get_context().as_sql:
        return False
    found = op.get_bind().scalar(text("SELECT EXISTS (SELECT FROM pg_extension AS e WHERE e.extname = 'citus')"))
    return bool(found)


def distribute(dsn: str) -> None:
    """Spread a database that came to Citus filled, over its nodes. Not to be called from a running event loop.

    Raises
    ------
    ValueError
        There is no Citus, no schema, nothing left to do, or a service at work, which would go on as on one PostgreSQL.
    """
    asyncio.run(_distribute(dsn))


async def _distribute(dsn: str) -> None:
    with translated_errors():
        connection = await asyncpg.connect(dsn, timeout=10, **primary_of(dsn))
    try:
        with translated_errors():
            async with connection.transaction():
                state = await connection.fetchrow(statement("operations/lock_distribution").text())
                for wrong, found in (
                    (not state["citus"], "This database has no extension citus."),
                    (
                        not state["migrated"],
                        "This database has no schema yet: `vector-search migrate` spreads it at once.",
                    ),
                    (state["spread"], "The tables are spread over the nodes already."),
                    (state["services"], "Stop the services first: some are connected."),
                ):
                    if wrong:
                        raise ValueError(found)
                await connection.execute((SQL / "migrations" / "0001_initial.citus.sql").read_text(encoding="utf-8"))
    finally:
        await connection.close()


def alembic_config(dsn: str | None = None) -> Config:
    """Configure Alembic for this checkout, and for one database if given."""
    from alembic.config import Config  # noqa: PLC0415  see above

    config = Config()
    config.set_main_option("script_location", str(Path(SQL).parent / "alembic"))
    config.attributes["dsn"] = dsn
    return config


def upgrade(dsn: str, revision: str = "head") -> None:
    """Bring a database's schema to a revision. Not to be called from a running event loop."""
    from alembic import command  # noqa: PLC0415  see above

    command.upgrade(alembic_config(dsn), revision)


def downgrade(dsn: str, revision: str) -> None:
    """Take a database's schema back to a revision. Not to be called from a running event loop."""
    from alembic import command  # noqa: PLC0415  see above

    command.downgrade(alembic_config(dsn), revision)

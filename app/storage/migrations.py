"""The schema's revisions: SQL files run by Alembic."""

from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.util import await_only

from alembic import command, op
from app.storage.statements import SQL


def run_file(name: str) -> None:
    """Run one file of sql/migrations in the current Alembic operation, as psql would.

    The script goes through the raw connection: SQLAlchemy would take ``::`` for parameters, and the
    prepared protocol would take one statement only.
    """
    script = (SQL / "migrations" / name).read_text(encoding="utf-8")
    migration = op.get_context()
    if migration.as_sql:
        migration.impl.static_output(script)
        return
    adapted = op.get_bind().connection.dbapi_connection
    if adapted is None:
        raise AssertionError("an online migration has a connection")
    await_only(adapted.driver_connection.execute(script))


def alembic_config(dsn: str | None = None) -> Config:
    """Configure Alembic for this checkout, and for one database if given."""
    config = Config()
    config.set_main_option("script_location", str(Path(SQL).parent / "alembic"))
    config.attributes["dsn"] = dsn
    return config


def newest_revision() -> str:
    """Return the revision this code needs."""
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    if head is None:
        raise AssertionError("there is a first revision")
    return head


def known_revisions() -> set[str]:
    """Return the revisions this code knows; one that is not among them is newer."""
    return {script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()}


def upgrade(dsn: str, revision: str = "head") -> None:
    """Bring a database's schema to a revision. Not to be called from a running event loop."""
    command.upgrade(alembic_config(dsn), revision)


def downgrade(dsn: str, revision: str) -> None:
    """Take a database's schema back to a revision. Not to be called from a running event loop."""
    command.downgrade(alembic_config(dsn), revision)

"""Which revisions of the schema this code knows: those there are files for.

Alembic says the same, and takes twenty megabytes and a third of a second to be asked: a service has no other use
for it.
"""

from functools import cache

from app.storage.statements import SQL


@cache
def known_revisions() -> frozenset[str]:
    """Return the revisions this code knows; one that is not among them is newer."""
    return frozenset(path.name.partition("_")[0] for path in (SQL / "migrations").glob("*.up.sql"))


def newest_revision() -> str:
    """Return the revision this code needs."""
    return max(known_revisions())

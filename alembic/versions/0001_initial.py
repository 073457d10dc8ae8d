"""The document index: catalogue, documents, chunks, embeddings, terms and access lists."""

from app.storage.migrations import has_citus, run_file

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the schema, and spread it over the nodes where there is Citus."""
    run_file("0001_initial.up.sql")
    if has_citus():
        run_file("0001_initial.citus.sql")


def downgrade() -> None:
    """Drop it."""
    run_file("0001_initial.down.sql")

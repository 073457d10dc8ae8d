"""${message}."""

from app.storage.migrations import run_file

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    """Run the script."""
    run_file("NNNN_imperative.up.sql")


def downgrade() -> None:
    """Run its opposite."""
    run_file("NNNN_imperative.down.sql")

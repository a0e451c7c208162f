"""The time zone of a workspace, in which times without an offset are read."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column. Workspaces that exist keep UTC."""
    op.execute("ALTER TABLE workspaces ADD COLUMN timezone text NOT NULL DEFAULT 'UTC'")

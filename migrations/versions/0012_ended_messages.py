"""An index by which messages to targets that ended long ago are found and deleted."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Create the index."""
    op.execute(
        "CREATE INDEX target_messages_ended ON target_messages (workspace_id, ended_at)"
        " WHERE ended_at IS NOT NULL"
    )

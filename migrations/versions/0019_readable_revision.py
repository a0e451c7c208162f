"""The service may read the revision of the schema, so that it is ready only with the one it needs.

From here on a revision may set `serves`: the oldest revision whose code can go on with the new schema.
Without it, processes of the earlier version stop being ready once the migration is committed.
"""

from alembic import op

revision = "0019"
down_revision = "0018"
serves = "0018"


def upgrade() -> None:
    """Let the service read the revision."""
    op.execute("GRANT SELECT ON alembic_version TO lead_assignment_app")

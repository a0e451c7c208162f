"""Count the genuine deliveries of an endpoint of which nothing could be read."""

from alembic import op

revision = "0020"
down_revision = "0019"
serves = "0018"


def upgrade() -> None:
    """Add the count."""
    op.execute("ALTER TABLE endpoint_hours ADD COLUMN unrecognized bigint NOT NULL DEFAULT 0")

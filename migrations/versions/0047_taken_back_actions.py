"""What contacts a person through each action, so that a withdrawal takes back what waits."""

from alembic import op

revision = "0047"
down_revision = "0046"
serves = "0034"


def upgrade() -> None:
    """Add the columns. Actions that are there contact nobody as far as these say."""
    op.execute("ALTER TABLE actions ADD COLUMN contact_names text[], ADD COLUMN cause text")

"""The names that are labels of metrics, chosen when a version of the plan is published."""

from alembic import op

revision = "0025"
down_revision = "0024"
serves = "0018"


def upgrade() -> None:
    """Add the column. A version that is active keeps all its names under `other` until the next one."""
    op.execute("ALTER TABLE plans ADD COLUMN label_names json")
    op.execute("GRANT UPDATE (label_names) ON plans TO lead_assignment_app")

"""Bulk jobs may note something about each of their leads, such as what a CRM's list says of it."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the column."""
    op.execute("ALTER TABLE bulk_job_items ADD COLUMN terms json")

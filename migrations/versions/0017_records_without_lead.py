"""Find records of CRMs that are no lead by their age, so that they can be forgotten."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Create the index."""
    op.execute(
        "CREATE INDEX crm_records_without_lead ON crm_records (workspace_id, seen_at) WHERE lead_id IS NULL"
    )

"""Let erasure forget whose lead a record of a form is."""

from alembic import op

revision = "0033"
down_revision = "0032"
serves = "0018"


def upgrade() -> None:
    """Grant what the statements of erasure do."""
    op.execute("GRANT SELECT, UPDATE (lead_id) ON form_records TO lead_assignment_privacy")

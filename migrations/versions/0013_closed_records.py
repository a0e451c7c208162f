"""A deleted record whose lead has been looked after says so, and is not looked at again."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Allow the state."""
    op.execute(
        "ALTER TABLE crm_records DROP CONSTRAINT crm_records_state_check,"
        " ADD CONSTRAINT crm_records_state_check"
        " CHECK (state IN ('waiting', 'live', 'gone', 'closed', 'merged', 'recorded'))"
    )

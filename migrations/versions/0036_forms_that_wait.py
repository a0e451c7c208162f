"""Find what forms sent and is not done without looking at what CRMs sent."""

from alembic import op

revision = "0036"
down_revision = "0035"
serves = "0018"


def upgrade() -> None:
    """Add the index. Only rows of forms that are not done are in it."""
    op.execute(
        "CREATE INDEX crm_inbox_of_forms ON crm_inbox (workspace_id, state, id)"
        " WHERE starts_with(system, 'form:') AND state <> 'done'"
    )

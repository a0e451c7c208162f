"""Find stored answers about many leads, which an erasure takes the ids of one of them out of."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Create the index. Answers that are about one lead are found by it."""
    op.execute(
        "CREATE INDEX idempotency_keys_of_lists ON idempotency_keys (workspace_id, key)"
        " WHERE lead_id IS NULL AND response IS NOT NULL"
    )

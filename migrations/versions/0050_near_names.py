"""Accounts are also found by a name with a slip of a finger. A worker adds what that needs."""

from alembic import op

revision = "0050"
down_revision = "0049"
serves = "0034"

KINDS = """
ALTER TABLE account_names
  DROP CONSTRAINT account_names_kind_check,
  ADD CONSTRAINT account_names_kind_check CHECK (kind IN ('name', 'word', 'near'))
"""
PRESENT = """
INSERT INTO account_name_backfills (workspace_id, after_id) SELECT id, '' FROM workspaces
ON CONFLICT (workspace_id) DO UPDATE SET after_id = ''
"""


def upgrade() -> None:
    """Allow the new kind of key, and note for every workspace that its accounts lack it."""
    op.execute(KINDS)
    op.execute("ALTER TABLE account_name_backfills NO FORCE ROW LEVEL SECURITY")
    op.execute(PRESENT)
    op.execute("ALTER TABLE account_name_backfills FORCE ROW LEVEL SECURITY")

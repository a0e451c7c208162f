"""Plans keep the order in which their keys were written: the bands of a score are tried in it.

`jsonb` sorts keys; `json` keeps the text. What is stored already stays in the order it has, so every decision
is made again from the same plan.
"""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Keep documents as they are written."""
    op.execute("ALTER TABLE plans ALTER COLUMN document TYPE json USING document::json")

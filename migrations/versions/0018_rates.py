"""Rates of keys and workspaces, quotas of leads, and the levels that processes share."""

from alembic import op

revision = "0018"
down_revision = "0017"

# The levels may be lost in a crash: then every bucket is full. So they need no log.
STATEMENTS = """
ALTER TABLE api_keys
  ADD COLUMN rate double precision CHECK (rate > 0),
  ADD COLUMN burst integer CHECK (burst > 0);
ALTER TABLE workspaces
  ADD COLUMN rate double precision CHECK (rate > 0),
  ADD COLUMN burst integer CHECK (burst > 0),
  ADD COLUMN quota_leads integer CHECK (quota_leads > 0),
  ADD COLUMN quota_days integer CHECK (quota_days > 0);
CREATE UNLOGGED TABLE rate_levels (
  bucket text PRIMARY KEY,
  per_second double precision NOT NULL,
  burst double precision NOT NULL,
  tokens double precision NOT NULL,
  demand double precision NOT NULL,
  at timestamptz NOT NULL
) WITH (fillfactor = 50);
GRANT SELECT, INSERT, UPDATE, DELETE ON rate_levels TO lead_assignment_app
"""


def upgrade() -> None:
    """Add the columns and the table."""
    for statement in STATEMENTS.split(";\n"):
        op.execute(statement)

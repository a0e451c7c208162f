"""What leads share that came lately, to see when they come too fast."""

from alembic import op

revision = "0045"
down_revision = "0044"
serves = "0034"

CHANGES = """
CREATE TABLE arrivals (
  workspace_id bigint NOT NULL,
  subject text NOT NULL CHECK (subject IN ('ip', 'identity', 'domain')),
  value bytea NOT NULL CHECK (octet_length(value) = 16),
  at timestamptz NOT NULL,
  assignment_id uuid NOT NULL,
  hour integer NOT NULL,
  PRIMARY KEY (workspace_id, subject, value, at, assignment_id)
);
CREATE INDEX arrivals_by_hour ON arrivals (workspace_id, hour);
GRANT SELECT, INSERT, DELETE ON arrivals TO lead_assignment_app;
ALTER TABLE arrivals ENABLE ROW LEVEL SECURITY;
ALTER TABLE arrivals FORCE ROW LEVEL SECURITY;
CREATE POLICY own_workspace ON arrivals USING (workspace_id =
  nullif(current_setting('lead_assignment.workspace', true), '')::bigint)
"""


def upgrade() -> None:
    """Add the table, restricted like the others."""
    for statement in CHANGES.split(";\n"):
        op.execute(statement)

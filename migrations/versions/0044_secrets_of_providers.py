"""Secrets that providers of enrichment are called with."""

from alembic import op

revision = "0044"
down_revision = "0043"
serves = "0034"

CHANGES = """
CREATE TABLE enrichment_secrets (
  workspace_id bigint NOT NULL,
  name text NOT NULL,
  host text NOT NULL,
  secret bytea NOT NULL,
  fingerprint text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, name)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON enrichment_secrets TO lead_assignment_app;
ALTER TABLE enrichment_secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE enrichment_secrets FORCE ROW LEVEL SECURITY;
CREATE POLICY own_workspace ON enrichment_secrets
  USING (workspace_id = nullif(current_setting('lead_assignment.workspace', true), '')::bigint)
"""


def upgrade() -> None:
    """Add the table, restricted like the others."""
    for statement in CHANGES.split(";\n"):
        op.execute(statement)

"""Tokens with which leads are fetched of which a form tool tells only the ids."""

from alembic import op

revision = "0039"
down_revision = "0038"
serves = "0018"

STATEMENTS = """
CREATE TABLE form_tokens (
  workspace_id bigint NOT NULL,
  endpoint_id text NOT NULL,
  token bytea NOT NULL,
  fingerprint text NOT NULL,
  created_at timestamptz NOT NULL,
  refused boolean NOT NULL DEFAULT false,
  code text,
  failed_at timestamptz,
  failures integer NOT NULL DEFAULT 0,
  paused_until timestamptz,
  fetched_at timestamptz,
  PRIMARY KEY (workspace_id, endpoint_id)
);
CREATE INDEX crm_inbox_to_fetch
  ON crm_inbox (workspace_id, endpoint_id, (coalesce(wait_until, '-infinity'::timestamptz)))
  WHERE state = 'failed' AND code = 'awaiting_fetch';
GRANT SELECT, INSERT, DELETE,
      UPDATE (token, fingerprint, created_at, refused, code, failed_at, failures, paused_until, fetched_at)
  ON form_tokens TO lead_assignment_app;
ALTER TABLE form_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE form_tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY own_workspace ON form_tokens
  USING (workspace_id = nullif(current_setting('lead_assignment.workspace', true), '')::bigint)
"""


def upgrade() -> None:
    """Add the table, restricted like the others, and find what is to be fetched."""
    for statement in STATEMENTS.split(";\n"):
        op.execute(statement)

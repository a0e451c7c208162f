"""Merges of leads: by which the leads of one person became one, and what undoing them needs."""

from alembic import op

revision = "0038"
down_revision = "0037"
serves = "0034"

CHANGES = """
CREATE TABLE lead_merges (
  workspace_id bigint NOT NULL,
  id uuid NOT NULL,
  lead_id uuid NOT NULL,
  survivor_id uuid NOT NULL,
  at timestamptz NOT NULL,
  source text NOT NULL CHECK (source IN ('api', 'crm')),
  actor text NOT NULL,
  reason text,
  state text NOT NULL,
  refunded uuid[] NOT NULL DEFAULT '{}',
  taken json,
  keys json,
  records json,
  undone_at timestamptz,
  undone_by text,
  undo_reason text,
  undo_response text,
  PRIMARY KEY (workspace_id, id),
  CHECK (lead_id <> survivor_id),
  CHECK ((undone_at IS NULL) = (undo_response IS NULL))
);
CREATE INDEX lead_merges_of_lead ON lead_merges (workspace_id, lead_id, at);
CREATE INDEX lead_merges_of_survivor ON lead_merges (workspace_id, survivor_id, at);
CREATE INDEX lead_merges_undoable ON lead_merges (workspace_id, at) WHERE taken IS NOT NULL;
GRANT SELECT, INSERT, DELETE ON lead_merges TO lead_assignment_app;
GRANT UPDATE (taken, keys, records, undone_at, undone_by, undo_reason, undo_response)
  ON lead_merges TO lead_assignment_app;
GRANT SELECT, DELETE ON lead_merges TO lead_assignment_privacy;
GRANT UPDATE (reason, taken, keys, records, undo_reason) ON lead_merges TO lead_assignment_privacy;
ALTER TABLE lead_merges ENABLE ROW LEVEL SECURITY;
ALTER TABLE lead_merges FORCE ROW LEVEL SECURITY;
CREATE POLICY own_workspace ON lead_merges
  USING (workspace_id = nullif(current_setting('lead_assignment.workspace', true), '')::bigint)
"""


def upgrade() -> None:
    """Add the table, restricted like the others."""
    for statement in CHANGES.split(";\n"):
        op.execute(statement)

"""Accounts and the keys they are found by, tables, what is held until when, leads owned before we came."""

from alembic import op

revision = "0004"
down_revision = "0003"

NOUNS = """
ALTER TABLE directory DROP CONSTRAINT directory_noun_check;
ALTER TABLE directory ADD CONSTRAINT directory_noun_check
  CHECK (noun IN ('owners', 'absences', 'teams', 'calendars', 'accounts', 'tables'));
"""

# One key may belong to several accounts: which of them is meant is decided, not forbidden. A lower `rank`
# comes first, so that the first few of thousands are found without looking at all of them.
ACCOUNT_KEYS = """
CREATE TABLE account_keys (
  workspace_id bigint NOT NULL,
  kind text NOT NULL CHECK (kind IN ('crm', 'domain')),
  value text NOT NULL CHECK (octet_length(value) BETWEEN 1 AND 255),
  account_id text NOT NULL,
  rank smallint NOT NULL DEFAULT 0,
  PRIMARY KEY (workspace_id, kind, value, rank, account_id)
);
CREATE INDEX account_keys_of_account ON account_keys (workspace_id, account_id);
GRANT SELECT, INSERT, DELETE ON account_keys TO lead_assignment_app;
ALTER TABLE account_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE account_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY own_workspace ON account_keys USING (workspace_id =
  nullif(current_setting('lead_assignment.workspace', true), '')::bigint);
"""

# `held_owner` and `held_team` say who alone may claim it meanwhile; neither means everybody.
HELD = """
ALTER TABLE assignments DROP CONSTRAINT assignments_cause_check;
ALTER TABLE assignments
  ADD COLUMN held_until timestamptz,
  ADD COLUMN held_owner text,
  ADD COLUMN held_team text,
  ADD CONSTRAINT assignments_cause_check
    CHECK (cause IN ('assign', 'reassign', 'claim', 'release', 'import')),
  ADD CHECK (held_until IS NULL OR outcome = 'queued');
CREATE INDEX assignments_held ON assignments (workspace_id, held_until) WHERE open AND held_until IS NOT NULL;
CREATE INDEX assignments_held_for
  ON assignments (workspace_id, held_owner, held_team, priority DESC, sequence)
  WHERE open AND held_until IS NOT NULL;
"""


def upgrade() -> None:
    """Add them, the new table shut to other workspaces like the rest."""
    for statements in (NOUNS, ACCOUNT_KEYS, HELD):
        for statement in statements.split(";\n"):
            if statement.strip():
                op.execute(statement)

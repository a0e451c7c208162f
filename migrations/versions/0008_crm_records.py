"""Records of CRMs: which lead each one is, the newest value of their fields, and what operators should know.

A record without a lead waits to become known, or to be read. `confirmed_writes` are the owners of ours that
came back from the CRM. `crm_users` are the states of users that a CRM told, with what is to be done about it.
"""

from alembic import op

revision = "0008"
down_revision = "0007"

CHANGES = """
ALTER TABLE assignments DROP CONSTRAINT assignments_cause_check,
  ADD CONSTRAINT assignments_cause_check CHECK (cause IN ('assign', 'reassign', 'claim', 'release', 'import',
    'reject', 'take_away', 'escalate', 'handoff', 'give_back', 'lease_ended', 'max_wait', 'cover', 'return',
    'signal', 'crm', 'crm_reassign')),
  DROP CONSTRAINT assignments_end_cause_check,
  ADD CONSTRAINT assignments_end_cause_check CHECK (end_cause IN ('superseded', 'closed', 'idle', 'rejected',
    'taken_away', 'handed_off', 'claimed', 'given_back', 'lease_ended', 'max_wait', 'released', 'covered',
    'returned', 'reassigned', 'merged', 'erased', 'crm'));
ALTER TABLE leads ADD COLUMN merged_into uuid;
CREATE INDEX assignments_left_in_crm ON assignments (workspace_id, owner_id, ended_at)
  WHERE end_cause = 'crm';
CREATE INDEX leads_merged ON leads (workspace_id, merged_into) WHERE merged_into IS NOT NULL
"""

# The index by which most rows are found is made last (see 0001).
TABLES = """
CREATE TABLE crm_records (
  workspace_id bigint NOT NULL,
  system text NOT NULL CHECK (octet_length(system) BETWEEN 1 AND 255),
  object text NOT NULL CHECK (octet_length(object) BETWEEN 1 AND 255),
  id text NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 255),
  lead_id uuid,
  state text NOT NULL CHECK (state IN ('waiting', 'live', 'gone', 'merged', 'recorded')),
  seen_at timestamptz NOT NULL,
  gone_at timestamptz,
  merged_into text,
  is_primary boolean NOT NULL DEFAULT false,
  asked_at timestamptz,
  asked_for text CHECK (asked_for IN ('created', 'changed')),
  action_id text,
  deal json,
  endpoint_id text NOT NULL
);
CREATE INDEX crm_records_of_lead ON crm_records (workspace_id, lead_id) WHERE lead_id IS NOT NULL;
CREATE INDEX crm_records_gone ON crm_records (workspace_id, gone_at) WHERE state = 'gone';
CREATE INDEX crm_records_asked ON crm_records (workspace_id, asked_at) WHERE asked_at IS NOT NULL;
CREATE INDEX crm_records_merged ON crm_records (workspace_id, system, object, merged_into)
  WHERE merged_into IS NOT NULL;
CREATE INDEX crm_records_seen ON crm_records (workspace_id, system, seen_at);
ALTER TABLE crm_records ADD PRIMARY KEY (workspace_id, system, object, id);
CREATE TABLE crm_field_versions (
  workspace_id bigint NOT NULL,
  system text NOT NULL,
  object text NOT NULL,
  id text NOT NULL,
  field text NOT NULL,
  at timestamptz,
  "order" bigint NOT NULL,
  value text NOT NULL,
  since timestamptz,
  by_person boolean NOT NULL,
  PRIMARY KEY (workspace_id, system, object, id, field)
);
CREATE TABLE crm_confirmed_writes (
  workspace_id bigint NOT NULL,
  assignment_id uuid NOT NULL,
  system text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, assignment_id, system)
);
CREATE TABLE crm_users (
  workspace_id bigint NOT NULL,
  system text NOT NULL,
  id text NOT NULL,
  owner_id text NOT NULL,
  state text NOT NULL CHECK (state IN ('active', 'inactive')),
  at timestamptz,
  absence_id text,
  leaves_since timestamptz,
  PRIMARY KEY (workspace_id, system, id)
);
CREATE INDEX crm_users_leaving ON crm_users (workspace_id, leaves_since) WHERE leaves_since IS NOT NULL;
CREATE TABLE crm_findings (
  workspace_id bigint NOT NULL,
  code text NOT NULL,
  endpoint_id text NOT NULL,
  object text NOT NULL,
  record_id text NOT NULL,
  since timestamptz NOT NULL,
  last_at timestamptz NOT NULL,
  count bigint NOT NULL DEFAULT 1,
  lead_id uuid
);
CREATE INDEX crm_findings_by_age ON crm_findings (workspace_id, last_at);
ALTER TABLE crm_findings ADD PRIMARY KEY (workspace_id, code, endpoint_id, object, record_id);
CREATE TABLE crm_watch (
  workspace_id bigint PRIMARY KEY,
  decision_number bigint NOT NULL
)
"""

GRANTED = {
    "crm_records": "SELECT, INSERT, UPDATE, DELETE",
    "crm_field_versions": "SELECT, INSERT, UPDATE, DELETE",
    "crm_confirmed_writes": "SELECT, INSERT, DELETE",
    "crm_users": "SELECT, INSERT, UPDATE, DELETE",
    "crm_findings": "SELECT, INSERT, UPDATE, DELETE",
    "crm_watch": "SELECT, INSERT, UPDATE",
}


def upgrade() -> None:
    """Change the tables of decisions, add the new ones, then restrict these like the others."""
    for statements in (CHANGES, TABLES):
        for statement in statements.split(";\n"):
            op.execute(statement)
    for table, rights in GRANTED.items():
        op.execute(f"GRANT {rights} ON {table} TO lead_assignment_app")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own_workspace ON {table} USING (workspace_id ="
            " nullif(current_setting('lead_assignment.workspace', true), '')::bigint)"
        )
    op.execute("GRANT UPDATE (merged_into) ON leads TO lead_assignment_app")

"""What form tools send: ids that came, the leads of their records, test leads, and paths that end."""

from alembic import op

revision = "0029"
down_revision = "0028"
serves = "0018"

STATEMENTS = """
DROP INDEX webhook_paths_of_endpoint;
CREATE INDEX webhook_paths_of_endpoint ON webhook_paths (workspace_id, endpoint_id);
ALTER TABLE webhook_paths ADD COLUMN created_at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN ends_at timestamptz, ADD COLUMN deleted bytea, ADD COLUMN last_handshake_at timestamptz;
GRANT UPDATE (ends_at, deleted, last_handshake_at) ON webhook_paths TO lead_assignment_app;
CREATE TABLE form_ids (
  workspace_id bigint NOT NULL,
  endpoint_id text NOT NULL,
  id_hash bytea NOT NULL CHECK (octet_length(id_hash) = 32),
  inbox_id uuid NOT NULL,
  until timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, endpoint_id, id_hash)
);
CREATE INDEX form_ids_until ON form_ids (workspace_id, until);
CREATE TABLE form_records (
  workspace_id bigint NOT NULL,
  endpoint_id text NOT NULL,
  record bytea NOT NULL CHECK (octet_length(record) = 32),
  lead_id uuid,
  until timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, endpoint_id, record)
);
CREATE INDEX form_records_of_lead ON form_records (workspace_id, lead_id) WHERE lead_id IS NOT NULL;
CREATE INDEX form_records_until ON form_records (workspace_id, until);
CREATE TABLE test_leads (
  workspace_id bigint NOT NULL,
  id uuid NOT NULL,
  endpoint_id text NOT NULL,
  at timestamptz NOT NULL,
  lead bytea NOT NULL,
  decision bytea NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX test_leads_by_age ON test_leads (workspace_id, at)
"""
GRANTED = {
    "form_ids": "SELECT, INSERT, DELETE, UPDATE (inbox_id, until)",
    "form_records": "SELECT, INSERT, DELETE, UPDATE (lead_id, until)",
    "test_leads": "SELECT, INSERT, DELETE",
}


def upgrade() -> None:
    """Add the tables, then restrict them like the others."""
    for statement in STATEMENTS.split(";\n"):
        op.execute(statement)
    for table, rights in GRANTED.items():
        op.execute(f"GRANT {rights} ON {table} TO lead_assignment_app")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own_workspace ON {table} USING (workspace_id ="
            " nullif(current_setting('lead_assignment.workspace', true), '')::bigint)"
        )

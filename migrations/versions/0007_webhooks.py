"""What CRMs send: the public paths and secrets of endpoints, deliveries as they came, and their events.

The path of a delivery names the workspace, so paths are read across workspaces, like API keys. An endpoint
writes only its own.
"""

from alembic import op

revision = "0007"
down_revision = "0006"

GLOBAL_TABLES = """
CREATE TABLE webhook_paths (
  path_hash bytea PRIMARY KEY CHECK (octet_length(path_hash) = 32),
  workspace_id bigint NOT NULL REFERENCES workspaces ON DELETE CASCADE,
  endpoint_id text NOT NULL,
  path bytea NOT NULL
);
CREATE UNIQUE INDEX webhook_paths_of_endpoint ON webhook_paths (workspace_id, endpoint_id);
GRANT SELECT, INSERT, UPDATE (path), DELETE ON webhook_paths TO lead_assignment_app;
ALTER TABLE webhook_paths ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_workspace ON webhook_paths
  USING (workspace_id = nullif(current_setting('lead_assignment.workspace', true), '')::bigint);
CREATE POLICY look_up ON webhook_paths FOR SELECT USING (true)
"""

# The index by which most rows are found is made last (see 0001); partial indexes come after it, for the
# statements that name their condition.
TABLES = """
ALTER TABLE directory DROP CONSTRAINT directory_resource_type_check,
  ADD CONSTRAINT directory_resource_type_check CHECK (resource_type IN ('owners', 'absences', 'teams',
    'calendars', 'accounts', 'tables', 'settings', 'endpoints'));
CREATE TABLE endpoint_secrets (
  workspace_id bigint NOT NULL,
  endpoint_id text NOT NULL,
  id uuid NOT NULL,
  secret bytea NOT NULL,
  fingerprint text NOT NULL,
  created_at timestamptz NOT NULL,
  last_used_at timestamptz,
  PRIMARY KEY (workspace_id, endpoint_id, id)
);
CREATE TABLE endpoint_hours (
  workspace_id bigint NOT NULL,
  endpoint_id text NOT NULL,
  hour timestamptz NOT NULL,
  last_at timestamptz,
  deliveries bigint NOT NULL DEFAULT 0,
  events bigint NOT NULL DEFAULT 0,
  duplicates bigint NOT NULL DEFAULT 0,
  refused bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (workspace_id, endpoint_id, hour)
);
CREATE TABLE crm_deliveries (
  workspace_id bigint NOT NULL,
  id uuid NOT NULL,
  endpoint_id text NOT NULL,
  received_at timestamptz NOT NULL,
  headers json NOT NULL,
  body bytea
);
CREATE INDEX crm_deliveries_kept ON crm_deliveries (workspace_id, received_at) WHERE body IS NOT NULL;
CREATE INDEX crm_deliveries_by_age ON crm_deliveries (workspace_id, received_at);
CREATE INDEX crm_deliveries_of_endpoint ON crm_deliveries (workspace_id, endpoint_id);
ALTER TABLE crm_deliveries ADD PRIMARY KEY (workspace_id, id);
CREATE TABLE crm_inbox (
  workspace_id bigint NOT NULL,
  endpoint_id text NOT NULL,
  dedupe_key bytea NOT NULL CHECK (octet_length(dedupe_key) = 32),
  id uuid NOT NULL,
  delivery_id uuid NOT NULL,
  system text NOT NULL,
  object text NOT NULL,
  record_id text NOT NULL,
  kind text NOT NULL,
  event_at timestamptz NOT NULL,
  event_order bigint NOT NULL,
  position integer NOT NULL,
  event bytea,
  received_at timestamptz NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'done', 'failed')),
  tries integer NOT NULL DEFAULT 0,
  next_at timestamptz NOT NULL,
  wait_until timestamptz,
  code text,
  ended_at timestamptz,
  CHECK ((state = 'pending') = (ended_at IS NULL)),
  CHECK (state <> 'done' OR event IS NULL)
);
ALTER TABLE crm_inbox ADD PRIMARY KEY (workspace_id, endpoint_id, dedupe_key);
CREATE INDEX crm_inbox_of_delivery ON crm_inbox (workspace_id, delivery_id);
CREATE INDEX crm_inbox_of_record ON crm_inbox (workspace_id, record_id, object);
CREATE UNIQUE INDEX crm_inbox_by_id ON crm_inbox (workspace_id, id);
CREATE INDEX crm_inbox_next ON crm_inbox (workspace_id, next_at) WHERE state = 'pending';
CREATE INDEX crm_inbox_waiting ON crm_inbox (workspace_id, wait_until)
  WHERE state = 'pending' AND wait_until IS NOT NULL;
CREATE INDEX crm_inbox_failed ON crm_inbox (workspace_id, id) WHERE state = 'failed';
CREATE INDEX crm_inbox_ended ON crm_inbox (workspace_id, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX crm_inbox_pending ON crm_inbox (workspace_id, record_id, object, system)
  WHERE ended_at IS NULL;
CREATE TABLE crm_turns (
  workspace_id bigint NOT NULL,
  system text NOT NULL,
  object text NOT NULL,
  record_id text NOT NULL,
  until timestamptz NOT NULL,
  token uuid,
  PRIMARY KEY (workspace_id, system, object, record_id)
)
"""

GRANTED = {
    "endpoint_secrets": "SELECT, INSERT, DELETE, UPDATE (secret, last_used_at)",
    "endpoint_hours": "SELECT, INSERT, UPDATE, DELETE",
    "crm_deliveries": "SELECT, INSERT, DELETE, UPDATE (headers, body)",
    "crm_inbox": "SELECT, INSERT, DELETE, UPDATE (event, state, tries, next_at, wait_until, code, ended_at)",
    "crm_turns": "SELECT, INSERT, UPDATE, DELETE",
}


def upgrade() -> None:
    """Add the tables, then restrict them like the others."""
    for statements in (GLOBAL_TABLES, TABLES):
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

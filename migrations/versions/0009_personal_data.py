"""Erasure and retention: a role of their own, what is kept of the erased, and how to find data of a lead.

The role of the service still cannot change the past. Erasure and retention take the role
`lead_assignment_privacy` for their statements only. Members of the one are made members of the other here;
new roles of the service need both.
"""

from alembic import op

revision = "0009"
down_revision = "0008"

ROLE = """
DO $$ DECLARE grantee name; BEGIN
  BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'lead_assignment_privacy') THEN
      CREATE ROLE lead_assignment_privacy NOLOGIN NOBYPASSRLS;
    END IF;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
  END;
  FOR grantee IN
    SELECT rolname FROM pg_auth_members AS of
      JOIN pg_roles ON pg_roles.oid = of.member
     WHERE of.roleid = 'lead_assignment_app'::regrole
       AND NOT pg_has_role(of.member, 'lead_assignment_privacy', 'MEMBER')
  LOOP
    -- An owner of the tables without rights over roles leaves it to the superuser: the service
    -- does not start as a member of only one.
    BEGIN
      EXECUTE format('GRANT lead_assignment_privacy TO %I', grantee);
    EXCEPTION WHEN insufficient_privilege THEN NULL;
    END;
  END LOOP;
END $$
"""

# The index by which most rows are found is made last (see 0001).
CHANGES = """
ALTER TABLE idempotency_keys ADD COLUMN lead_id uuid;
CREATE INDEX idempotency_keys_of_lead ON idempotency_keys (workspace_id, lead_id) WHERE lead_id IS NOT NULL;
CREATE INDEX bulk_job_items_of_lead ON bulk_job_items (workspace_id, lead_id, position, job_id);
ALTER TABLE bulk_job_items DROP CONSTRAINT bulk_job_items_pkey,
  ADD PRIMARY KEY (workspace_id, job_id, position);
DROP INDEX bulk_job_items_left;
CREATE INDEX bulk_job_items_left ON bulk_job_items (workspace_id, job_id, position) WHERE result IS NULL;
CREATE INDEX bulk_jobs_ended ON bulk_jobs (workspace_id, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX events_with_id ON events (workspace_id, received_at)
  WHERE event_id IS NOT NULL OR response IS NOT NULL;
CREATE INDEX actions_ended ON actions (workspace_id, ended_at) WHERE ended_at IS NOT NULL
"""

REPLIES = """
UPDATE idempotency_keys SET lead_id = (convert_from(response, 'UTF8')::json ->> 'lead_id')::uuid
 WHERE response IS NOT NULL AND convert_from(response, 'UTF8') LIKE '{%"lead_id":"%'
"""

TABLES = """
CREATE TABLE erasures (
  workspace_id bigint NOT NULL,
  lead_id uuid NOT NULL,
  at timestamptz NOT NULL,
  actor text NOT NULL,
  report json NOT NULL,
  PRIMARY KEY (workspace_id, lead_id)
);
CREATE TABLE hash_keys (
  workspace_id bigint PRIMARY KEY,
  key bytea NOT NULL CHECK (octet_length(key) >= 32)
);
CREATE TABLE barred_records (
  workspace_id bigint NOT NULL,
  hash text NOT NULL,
  until timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, hash)
);
CREATE TABLE retention_runs (
  workspace_id bigint PRIMARY KEY,
  started_at timestamptz,
  after uuid,
  finished_at timestamptz,
  leads bigint NOT NULL DEFAULT 0,
  failed_leads bigint NOT NULL DEFAULT 0,
  decisions bigint NOT NULL DEFAULT 0
)
"""

APP_MAY = dict.fromkeys(("erasures", "hash_keys", "barred_records", "retention_runs"), "SELECT")
PRIVACY_MAY = {
    "erasures": "SELECT, INSERT",
    "hash_keys": "SELECT, INSERT",
    "barred_records": "SELECT, INSERT, UPDATE, DELETE",
    "retention_runs": "SELECT, INSERT, UPDATE",
    "leads": "SELECT, UPDATE, DELETE",
    "assignments": "SELECT, UPDATE (response, inputs), DELETE",
    "failed_leads": "SELECT, UPDATE (request, code), DELETE",
    "plans": "SELECT, UPDATE (document, source_text)",
    "changes": "SELECT, UPDATE (before, after)",
    "crm_inbox": "SELECT, UPDATE (event, state, code, ended_at, record_id), DELETE",
    "crm_deliveries": "SELECT, UPDATE (headers, body), DELETE",
    **dict.fromkeys(("crm_turns", "crm_records", "crm_field_versions", "crm_findings"), "SELECT, DELETE"),
    **dict.fromkeys(("identities", "attribute_names", "sla_clocks", "bulk_jobs"), "SELECT, DELETE"),
    **dict.fromkeys(
        ("events", "actions", "bulk_job_items", "idempotency_keys", "suppressions"), "SELECT, UPDATE, DELETE"
    ),
    **dict.fromkeys(("workspace_locks", "clocks", "journal", "directory", "ledger_entries"), "SELECT"),
}


def upgrade() -> None:
    """Create the role, the tables and the indexes, then restrict the new tables like the others."""
    op.execute(ROLE)
    op.execute("ALTER TABLE idempotency_keys NO FORCE ROW LEVEL SECURITY")
    for statements in (CHANGES, TABLES):
        for statement in statements.split(";\n"):
            op.execute(statement)
    op.execute(REPLIES)
    op.execute("ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY")
    for table in APP_MAY:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own_workspace ON {table} USING (workspace_id ="
            " nullif(current_setting('lead_assignment.workspace', true), '')::bigint)"
        )
    op.execute("GRANT USAGE ON SCHEMA public TO lead_assignment_privacy")
    for role, granted in (("lead_assignment_app", APP_MAY), ("lead_assignment_privacy", PRIVACY_MAY)):
        for table, rights in granted.items():
            op.execute(f"GRANT {rights} ON {table} TO {role}")

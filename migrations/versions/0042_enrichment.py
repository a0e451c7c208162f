"""What providers of enrichment answered, and those that are not called for a while."""

from alembic import op

revision = "0042"
down_revision = "0041"
serves = "0034"

CHANGES = """
CREATE TABLE enrichment_keys (
  workspace_id bigint PRIMARY KEY,
  key bytea NOT NULL CHECK (octet_length(key) = 32)
);
CREATE TABLE enrichment_answers (
  workspace_id bigint NOT NULL,
  provider text NOT NULL,
  query text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('found', 'empty', 'refused')),
  answer json,
  code text,
  person text,
  asked_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, provider, query),
  CHECK ((answer IS NOT NULL) = (kind = 'found')),
  CHECK ((code IS NOT NULL) = (kind = 'refused'))
);
CREATE INDEX enrichment_answers_of_person ON enrichment_answers (workspace_id, person)
  WHERE person IS NOT NULL;
CREATE INDEX enrichment_answers_expire ON enrichment_answers (workspace_id, expires_at);
CREATE TABLE enrichment_breakers (
  workspace_id bigint NOT NULL,
  provider text NOT NULL,
  failures integer NOT NULL,
  code text NOT NULL,
  denied boolean NOT NULL,
  failed_at timestamptz NOT NULL,
  open_until timestamptz,
  probe_until timestamptz,
  PRIMARY KEY (workspace_id, provider)
)
"""
GRANTED = {
    "enrichment_keys": "SELECT, INSERT",
    "enrichment_answers": "SELECT, INSERT, UPDATE, DELETE",
    "enrichment_breakers": "SELECT, INSERT, UPDATE, DELETE",
}
PRIVACY = {"enrichment_keys": "SELECT", "enrichment_answers": "SELECT, DELETE"}


def upgrade() -> None:
    """Add the tables, restricted like the others."""
    for statement in CHANGES.split(";\n"):
        op.execute(statement)
    for table, rights in GRANTED.items():
        op.execute(f"GRANT {rights} ON {table} TO lead_assignment_app")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own_workspace ON {table} USING (workspace_id ="
            " nullif(current_setting('lead_assignment.workspace', true), '')::bigint)"
        )
    for table, rights in PRIVACY.items():
        op.execute(f"GRANT {rights} ON {table} TO lead_assignment_privacy")

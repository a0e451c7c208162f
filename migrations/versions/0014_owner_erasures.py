"""Erasures of owners: whose name and addresses the worker still replaces in the history."""

from alembic import op

revision = "0014"
down_revision = "0013"

TABLE = """
CREATE TABLE owner_erasures (
  workspace_id bigint NOT NULL,
  owner_id text NOT NULL,
  version bigint NOT NULL,
  decision_number bigint NOT NULL,
  at timestamptz NOT NULL,
  asked_at timestamptz NOT NULL DEFAULT now(),
  actor text NOT NULL,
  step smallint NOT NULL DEFAULT 0,
  after json,
  ended_at timestamptz,
  PRIMARY KEY (workspace_id, owner_id, version)
);
CREATE INDEX owner_erasures_running ON owner_erasures (workspace_id) WHERE ended_at IS NULL
"""
PRIVACY_MAY = {
    "owner_erasures": "SELECT, UPDATE (step, after, ended_at)",
    "crm_users": "SELECT, DELETE",
    "crm_field_versions": "UPDATE (value)",
    "bulk_jobs": "UPDATE (params)",
}


def upgrade() -> None:
    """Create the table, and let only the role of erasure go on with it."""
    for statement in TABLE.split(";\n"):
        op.execute(statement)
    op.execute("ALTER TABLE owner_erasures ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE owner_erasures FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY own_workspace ON owner_erasures USING (workspace_id ="
        " nullif(current_setting('lead_assignment.workspace', true), '')::bigint)"
    )
    op.execute("GRANT SELECT, INSERT ON owner_erasures TO lead_assignment_app")
    for table, rights in PRIVACY_MAY.items():
        op.execute(f"GRANT {rights} ON {table} TO lead_assignment_privacy")

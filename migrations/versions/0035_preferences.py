"""What persons allow, every act of consent as proof, and how often persons were contacted."""

from alembic import op

revision = "0035"
down_revision = "0034"
serves = "0034"

CHANGES = """
ALTER TABLE leads ADD COLUMN preferences json;
GRANT UPDATE (preferences) ON leads TO lead_assignment_app;
CREATE TABLE preference_changes (
  workspace_id bigint NOT NULL,
  lead_id uuid NOT NULL,
  id uuid NOT NULL,
  version integer NOT NULL,
  at timestamptz NOT NULL,
  actor text NOT NULL,
  details json NOT NULL,
  PRIMARY KEY (workspace_id, lead_id, id)
);
CREATE TABLE contacts (
  workspace_id bigint NOT NULL,
  lead_id uuid NOT NULL,
  at timestamptz NOT NULL,
  action_id text NOT NULL,
  channel text NOT NULL,
  PRIMARY KEY (workspace_id, lead_id, at, action_id)
)
"""
GRANTED = {"preference_changes": "SELECT, INSERT", "contacts": "SELECT, INSERT, DELETE"}


def upgrade() -> None:
    """Add the column and the tables, restricted like the others."""
    for statement in CHANGES.split(";\n"):
        op.execute(statement)
    for table, rights in GRANTED.items():
        op.execute(f"GRANT {rights} ON {table} TO lead_assignment_app")
        op.execute(f"GRANT SELECT, DELETE ON {table} TO lead_assignment_privacy")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own_workspace ON {table} USING (workspace_id ="
            " nullif(current_setting('lead_assignment.workspace', true), '')::bigint)"
        )

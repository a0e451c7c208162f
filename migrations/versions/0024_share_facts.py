"""What each row of a ledger means for the members of its team: shares due, received, and causes between."""

from alembic import op

revision = "0024"
down_revision = "0022"
serves = "0018"

# Many turns mean the same: the same members, and the same of them could not take the lead.
TABLES = """
CREATE TABLE share_splits (
  workspace_id bigint NOT NULL,
  id uuid NOT NULL,
  owners text[] NOT NULL,
  columns text[] NOT NULL,
  amounts bigint[] NOT NULL,
  PRIMARY KEY (workspace_id, id),
  CHECK (cardinality(owners) = cardinality(amounts) AND cardinality(columns) = cardinality(amounts))
);
CREATE TABLE share_facts (
  workspace_id bigint NOT NULL,
  team_id text NOT NULL,
  number bigint NOT NULL,
  at timestamptz NOT NULL,
  assignment_id uuid,
  split_id uuid NOT NULL,
  PRIMARY KEY (workspace_id, team_id, number)
);
CREATE INDEX share_facts_by_time ON share_facts (workspace_id, at) INCLUDE (team_id, split_id, assignment_id)
"""


def upgrade() -> None:
    """Create the tables."""
    for statement in TABLES.split(";\n"):
        op.execute(statement)
    for table in ("share_splits", "share_facts"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own_workspace ON {table} USING (workspace_id ="
            " nullif(current_setting('lead_assignment.workspace', true), '')::bigint)"
        )
        op.execute(f"GRANT SELECT, INSERT, DELETE ON {table} TO lead_assignment_app")

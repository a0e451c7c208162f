"""Names of accounts, by which accounts are found. A worker adds those of present accounts."""

from alembic import op

revision = "0032"
down_revision = "0031"
serves = "0018"

TABLES = """
CREATE TABLE account_names (
  workspace_id bigint NOT NULL,
  kind text NOT NULL CHECK (kind IN ('name', 'word')),
  value text NOT NULL CHECK (octet_length(value) BETWEEN 1 AND 1000),
  account_id text NOT NULL,
  PRIMARY KEY (workspace_id, kind, value, account_id)
);
CREATE INDEX account_names_of_account ON account_names (workspace_id, account_id);
CREATE TABLE account_name_backfills (
  workspace_id bigint PRIMARY KEY,
  after_id text NOT NULL
)
"""
PRESENT = "INSERT INTO account_name_backfills (workspace_id, after_id) SELECT id, '' FROM workspaces"
GRANTED = {
    "account_names": "SELECT, INSERT, DELETE",
    "account_name_backfills": "SELECT, UPDATE, DELETE",
}


def upgrade() -> None:
    """Create the tables, and note for every workspace that its accounts have no names yet."""
    for statement in TABLES.split(";\n"):
        op.execute(statement)
    op.execute(PRESENT)
    for table, rights in GRANTED.items():
        op.execute(f"GRANT {rights} ON {table} TO lead_assignment_app")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own_workspace ON {table} USING (workspace_id ="
            " nullif(current_setting('lead_assignment.workspace', true), '')::bigint)"
        )

"""The versions of tables: the rows of each revision, to compare and to restore."""

from alembic import op

revision = "0003"
down_revision = "0002"

TABLE = """
CREATE TABLE table_versions (
  workspace_id bigint NOT NULL,
  id text NOT NULL,
  revision bigint NOT NULL,
  content bytea NOT NULL,
  row_count integer NOT NULL CHECK (row_count >= 0),
  actor text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id, revision)
)
"""

PRESENT = """
INSERT INTO table_versions (workspace_id, id, revision, content, row_count, actor, at)
SELECT workspace_id, id, revision, convert_to(body::text, 'UTF8'), jsonb_array_length(body -> 'rows'),
       'migration', updated_at
  FROM directory WHERE resource_type = 'tables'
"""


def upgrade() -> None:
    """Create the table, with the present content of each lookup table as its first version."""
    op.execute(TABLE)
    # Row-level security is forced on the owner of the tables too, who must read every workspace here.
    op.execute("ALTER TABLE directory NO FORCE ROW LEVEL SECURITY")
    op.execute(PRESENT)
    op.execute("ALTER TABLE directory FORCE ROW LEVEL SECURITY")
    op.execute("GRANT SELECT, INSERT, DELETE ON table_versions TO lead_assignment_app")
    op.execute("ALTER TABLE table_versions ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE table_versions FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY own_workspace ON table_versions USING (workspace_id ="
        " nullif(current_setting('lead_assignment.workspace', true), '')::bigint)"
    )

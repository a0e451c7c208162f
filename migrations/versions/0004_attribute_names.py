"""The names of the custom attributes that leads were sent with, to find a misspelled one in a plan."""

from alembic import op

revision = "0004"
down_revision = "0003"

TABLE = """
CREATE TABLE attribute_names (
  workspace_id bigint NOT NULL,
  name text NOT NULL,
  seen_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, name)
)
"""


def upgrade() -> None:
    """Create the table. Names are stored from the next lead on."""
    op.execute(TABLE)
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON attribute_names TO lead_assignment_app")
    op.execute("ALTER TABLE attribute_names ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE attribute_names FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY own_workspace ON attribute_names USING (workspace_id ="
        " nullif(current_setting('lead_assignment.workspace', true), '')::bigint)"
    )

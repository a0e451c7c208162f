"""Sessions of the console, and sign-in links that work once.

A cookie names the workspace and a random token, of which only the hash is stored. Row-level security binds a
statement to one workspace, but a session is looked up before anybody knows whose it is.
So the look-up is a function of the role that owns the tables, with a policy that lets only this role read
sessions across workspaces. It returns a session only for its token.
"""

from alembic import op

revision = "0049"
down_revision = "0048"
serves = "0034"

CHANGES = """
CREATE TABLE console_sessions (
  workspace_id bigint NOT NULL,
  token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
  key_id text NOT NULL,
  began_at timestamptz NOT NULL DEFAULT now(),
  ends_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, token_hash)
);
CREATE TABLE console_links (
  workspace_id bigint NOT NULL,
  token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
  key_id text NOT NULL,
  ends_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, token_hash)
);
CREATE INDEX console_sessions_by_end ON console_sessions (workspace_id, ends_at);
CREATE INDEX console_links_by_end ON console_links (workspace_id, ends_at);
GRANT SELECT, INSERT, DELETE ON console_sessions TO lead_assignment_app;
GRANT SELECT, DELETE ON console_links TO lead_assignment_app;
GRANT SELECT, DELETE ON console_sessions, console_links TO lead_assignment_privacy;
ALTER TABLE console_sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE console_sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY own_workspace ON console_sessions USING (workspace_id =
  nullif(current_setting('lead_assignment.workspace', true), '')::bigint);
ALTER TABLE console_links ENABLE ROW LEVEL SECURITY;
ALTER TABLE console_links FORCE ROW LEVEL SECURITY;
CREATE POLICY own_workspace ON console_links USING (workspace_id =
  nullif(current_setting('lead_assignment.workspace', true), '')::bigint);
CREATE POLICY look_up ON console_sessions FOR SELECT TO CURRENT_USER USING (true)
"""

LOOK_UP = """
CREATE FUNCTION find_console_sessions(workspaces bigint[], hashes bytea[]) RETURNS TABLE (
  workspace_id bigint, token_hash bytea, key_id text, ends_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
  SELECT found.workspace_id, found.token_hash, found.key_id, found.ends_at
    FROM unnest(workspaces, hashes) AS asked (workspace_id, token_hash)
    JOIN console_sessions AS found
      ON found.workspace_id = asked.workspace_id AND found.token_hash = asked.token_hash
   WHERE found.ends_at > clock_timestamp();
END
"""


def upgrade() -> None:
    """Create the tables, restricted like the others, and the look-up."""
    for statement in CHANGES.split(";\n"):
        op.execute(statement)
    op.execute(LOOK_UP)
    op.execute("REVOKE EXECUTE ON FUNCTION find_console_sessions(bigint[], bytea[]) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION find_console_sessions(bigint[], bytea[]) TO lead_assignment_app")

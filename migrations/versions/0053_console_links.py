"""The service makes sign-in links, for actions and for the API.

It may not write keys, nor links to any key: both are made by a function of the role that owns the tables. The
keys are bound to an owner, have these four scopes, and nobody knows their secrets.
"""

from alembic import op

revision = "0053"
down_revision = "0052"
serves = "0034"

# The lock keeps two links that are made at once from making two keys. It is one for the workspace, so nobody
# waits for two of them in different orders.
MAKE = """
CREATE FUNCTION make_console_link(owner text, link bytea, seconds double precision) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  workspace bigint := nullif(current_setting('lead_assignment.workspace', true), '')::bigint;
  label_of_links CONSTANT text := 'console sign-in links';
  scopes_of_links CONSTANT text[] := ARRAY['claim', 'directory:write', 'events', 'leads:read'];
  ends timestamptz := clock_timestamp() + make_interval(secs => least(seconds, 600));
  key text;
BEGIN
  FOR attempt IN 1..2 LOOP
    SELECT id INTO key FROM api_keys
     WHERE workspace_id = workspace AND owner_id = owner AND label = label_of_links
       AND scopes = scopes_of_links AND revoked_at IS NULL
     ORDER BY created_at, id LIMIT 1;
    EXIT WHEN key IS NOT NULL OR attempt = 2;
    PERFORM pg_advisory_xact_lock(hashtextextended('console links', workspace));
  END LOOP;
  IF key IS NULL THEN
    INSERT INTO api_keys (id, workspace_id, secret_hash, scopes, owner_id, label)
    VALUES (translate(substr(encode(sha256(uuid_send(gen_random_uuid())), 'hex'), 1, 16), '0189', 'ghij'),
            workspace, sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())),
            scopes_of_links, owner, label_of_links)
    RETURNING id INTO key;
  END IF;
  INSERT INTO console_links (workspace_id, token_hash, key_id, ends_at) VALUES (workspace, link, key, ends);
  RETURN ends;
END $$
"""


def upgrade() -> None:
    """Create the function, for the role of the service."""
    op.execute(MAKE)
    op.execute("REVOKE EXECUTE ON FUNCTION make_console_link(text, bytea, double precision) FROM PUBLIC")
    op.execute(
        "GRANT EXECUTE ON FUNCTION make_console_link(text, bytea, double precision) TO lead_assignment_app"
    )

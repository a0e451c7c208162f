"""Suppression lists of their own: entries without a reject, phone numbers, and keyed hashes for all entries.

The code before would store addresses as they are, and find no hash, so it does not go on with this schema.
"""

from alembic import op

revision = "0030"
down_revision = "0029"

KEYS = """
CREATE TABLE suppression_keys (
  workspace_id bigint NOT NULL,
  id integer NOT NULL CHECK (id > 0),
  key bytea NOT NULL CHECK (octet_length(key) >= 32),
  created_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
ALTER TABLE suppressions ADD COLUMN key_id integer;
ALTER TABLE suppressions ALTER COLUMN assignment_id DROP NOT NULL, ALTER COLUMN event_id DROP NOT NULL;
ALTER TABLE suppressions DROP CONSTRAINT suppressions_kind_check;
ALTER TABLE suppressions ADD CONSTRAINT suppressions_kind_check CHECK (kind IN ('email', 'domain', 'phone'))
"""
# Entries of erased persons are hashed already, with the key of erasures.
FILL = """
INSERT INTO suppression_keys (workspace_id, id, key, created_at)
SELECT workspace_id, 1,
       coalesce((SELECT key FROM hash_keys WHERE hash_keys.workspace_id = used.workspace_id),
                sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))), now()
  FROM (SELECT DISTINCT workspace_id FROM suppressions) AS used;
UPDATE suppressions SET value = 'hash:' || encode(sha256(key || sha256(key || convert_to(
         regexp_replace(value, '@googlemail[.]com$', '@gmail.com'), 'UTF8'))), 'hex')
  FROM suppression_keys
 WHERE suppression_keys.workspace_id = suppressions.workspace_id AND value NOT LIKE 'hash:%';
UPDATE suppressions SET key_id = 1
"""
LAWS = """
ALTER TABLE suppressions ALTER COLUMN key_id SET NOT NULL;
ALTER TABLE suppressions ADD CONSTRAINT suppressions_hashed CHECK (value LIKE 'hash:%');
CREATE UNIQUE INDEX suppressions_once ON suppressions (workspace_id, list, kind, value)
  WHERE assignment_id IS NULL;
CREATE INDEX suppressions_by_list ON suppressions (workspace_id, list, id, kind, key_id);
GRANT SELECT, INSERT, DELETE ON suppression_keys TO lead_assignment_app;
GRANT SELECT, INSERT ON suppression_keys TO lead_assignment_privacy;
ALTER TABLE suppression_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE suppression_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY own_workspace ON suppression_keys
  USING (workspace_id = nullif(current_setting('lead_assignment.workspace', true), '')::bigint)
"""


def upgrade() -> None:
    """Hash what is there, in all workspaces."""
    for table in ("suppressions", "hash_keys"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    for statements in (KEYS, FILL):
        for statement in statements.split(";\n"):
            op.execute(statement)
    for table in ("suppressions", "hash_keys"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for statement in LAWS.split(";\n"):
        op.execute(statement)

"""What a record of a form continues, and workspaces where a lead is to be fetched are visited.

A booking that was moved is a new record of the form tool, which names only the one before it.
"""

from alembic import op

revision = "0048"
down_revision = "0047"
serves = "0034"

READ = ("form_tokens", "directory")

# As in revision 0016, and with leads to fetch.
DUE = """
CREATE OR REPLACE FUNCTION due_workspaces() RETURNS TABLE (id bigint, number bigint, due boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
  SELECT workspace.id, newest.number,
         EXISTS (SELECT FROM clocks WHERE workspace_id = workspace.id)
         OR coalesce((SELECT held_until <= time.now FROM assignments
                       WHERE workspace_id = workspace.id AND open AND held_until IS NOT NULL
                       ORDER BY held_until LIMIT 1), false)
         OR coalesce((SELECT next_at <= time.now FROM sla_clocks
                       WHERE workspace_id = workspace.id AND state = 'pending'
                       ORDER BY next_at LIMIT 1), false)
         OR coalesce((SELECT available_at <= time.now FROM actions
                       WHERE workspace_id = workspace.id AND state = 'waiting'
                       ORDER BY available_at LIMIT 1), false)
         OR coalesce((SELECT next_at <= time.now FROM crm_inbox
                       WHERE workspace_id = workspace.id AND state = 'pending'
                       ORDER BY next_at LIMIT 1), false)
         OR coalesce((SELECT wait_until <= time.now FROM crm_inbox
                       WHERE workspace_id = workspace.id AND state = 'pending' AND wait_until IS NOT NULL
                       ORDER BY wait_until LIMIT 1), false)
         OR EXISTS (SELECT FROM bulk_jobs WHERE workspace_id = workspace.id AND state = 'running')
         OR EXISTS (SELECT FROM owner_erasures WHERE workspace_id = workspace.id AND ended_at IS NULL)
         OR EXISTS (
           SELECT FROM form_tokens AS token
            WHERE token.workspace_id = workspace.id AND NOT token.refused
              AND coalesce(token.paused_until, '-infinity'::timestamptz) <= time.now
              AND (SELECT true FROM crm_inbox
                    WHERE workspace_id = workspace.id AND endpoint_id = token.endpoint_id
                      AND state = 'failed' AND code = 'awaiting_fetch' AND next_at <= clock_timestamp()
                      AND coalesce(wait_until, '-infinity'::timestamptz) <= time.now
                    ORDER BY coalesce(wait_until, '-infinity'::timestamptz) LIMIT 1)
              AND EXISTS (SELECT FROM directory
                           WHERE workspace_id = workspace.id AND resource_type = 'endpoints'
                             AND directory.id = token.endpoint_id AND (body ->> 'active')::boolean))
    FROM workspaces AS workspace
    LEFT JOIN LATERAL (
      SELECT number, at FROM journal WHERE workspace_id = workspace.id ORDER BY number DESC LIMIT 1
    ) AS newest ON true
   CROSS JOIN LATERAL (SELECT greatest(clock_timestamp(), newest.at) AS now) AS time;
END
"""


def upgrade() -> None:
    """Add the column, and let the owner of the tables read what the function reads."""
    op.execute("ALTER TABLE form_records ADD COLUMN first bytea")
    op.execute("GRANT UPDATE (first) ON form_records TO lead_assignment_app")
    op.execute("GRANT UPDATE (for_at, note, body_hash, details) ON events TO lead_assignment_app")
    for table in READ:
        op.execute(f"CREATE POLICY due_work ON {table} FOR SELECT TO CURRENT_USER USING (true)")
    op.execute(DUE)

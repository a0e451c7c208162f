"""What may be due in which workspace, in one look: the worker visits these, not all of them.

Row-level security binds a statement to one workspace. So the look is a function of the role that owns the
tables, with a policy that lets only this role read across workspaces, and only these tables. The function
returns numbers and no data. Should another role own the function later, it finds nothing, and the worker
still visits every workspace now and then.
"""

from alembic import op

revision = "0016"
down_revision = "0015"

READ = (
    "journal",
    "clocks",
    "assignments",
    "sla_clocks",
    "actions",
    "crm_inbox",
    "bulk_jobs",
    "owner_erasures",
)

# Each look is the first row of a short index. A workspace with a clock of its own is always due: its time is
# not that of the server.
DUE = """
CREATE FUNCTION due_workspaces() RETURNS TABLE (id bigint, number bigint, due boolean)
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
    FROM workspaces AS workspace
    LEFT JOIN LATERAL (
      SELECT number, at FROM journal WHERE workspace_id = workspace.id ORDER BY number DESC LIMIT 1
    ) AS newest ON true
   CROSS JOIN LATERAL (SELECT greatest(clock_timestamp(), newest.at) AS now) AS time;
END
"""


def upgrade() -> None:
    """Create the function, and let the owner of the tables read what it reads."""
    for table in READ:
        op.execute(f"CREATE POLICY due_work ON {table} FOR SELECT TO CURRENT_USER USING (true)")
    op.execute(DUE)
    op.execute("REVOKE EXECUTE ON FUNCTION due_workspaces() FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION due_workspaces() TO lead_assignment_app")

"""What happens after a decision: events, SLA clocks, actions to deliver, bulk jobs, and suppressions.

A queue is worked in the order of `queue_rank`, which stays the same while a lead waits: its priority, and
with aging less the time of its entry. `queue_since` is the first entry into the queue, and `queue_number`
the decision of that entry, so that a lead that returns has its old place.
"""

from alembic import op

revision = "0005"
down_revision = "0004"

GLOBAL_TABLES = """
CREATE TABLE installation (
  id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
  system_identifier text NOT NULL,
  database_name text NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT now()
)
"""

# The index by which most rows are found is made last (see 0001); partial indexes come after it, for the
# statements that name their condition.
CHANGES = """
ALTER TABLE directory DROP CONSTRAINT directory_resource_type_check,
  ADD CONSTRAINT directory_resource_type_check CHECK (resource_type IN ('owners', 'absences', 'teams',
    'calendars', 'accounts', 'tables', 'settings'));
ALTER TABLE leads ADD COLUMN barred_owners text[] NOT NULL DEFAULT '{}';
ALTER TABLE assignments
  ADD COLUMN attempt smallint NOT NULL DEFAULT 1 CHECK (attempt > 0),
  ADD COLUMN ended_at timestamptz,
  ADD COLUMN end_cause text CHECK (end_cause IN ('superseded', 'closed', 'idle', 'rejected', 'taken_away',
    'handed_off', 'claimed', 'given_back', 'lease_ended', 'max_wait', 'released', 'covered', 'returned',
    'reassigned', 'merged', 'erased')),
  ADD COLUMN accepted_at timestamptz,
  ADD COLUMN touched_at timestamptz,
  ADD COLUMN active_at timestamptz,
  ADD COLUMN idle_from timestamptz,
  ADD COLUMN queue_since timestamptz,
  ADD COLUMN queue_rank double precision,
  ADD COLUMN queue_number bigint,
  ADD COLUMN origin_owner text,
  ADD COLUMN from_assignment_id uuid,
  ADD COLUMN handoff text,
  DROP CONSTRAINT assignments_cause_check,
  ADD CONSTRAINT assignments_cause_check CHECK (cause IN ('assign', 'reassign', 'claim', 'release', 'import',
    'reject', 'take_away', 'escalate', 'handoff', 'give_back', 'lease_ended', 'max_wait', 'cover', 'return',
    'signal'));
UPDATE assignments SET idle_from = decided_at WHERE open AND owner_id IS NOT NULL;
UPDATE assignments SET queue_since = decided_at, queue_rank = priority, queue_number = decision_number
 WHERE queue IS NOT NULL;
ALTER TABLE assignments DROP CONSTRAINT assignments_pkey, ADD PRIMARY KEY (workspace_id, id);
DROP INDEX assignments_waiting;
CREATE INDEX assignments_waiting
  ON assignments (workspace_id, queue, queue_rank DESC, queue_since, queue_number)
  WHERE open AND queue IS NOT NULL;
DROP INDEX assignments_open;
CREATE INDEX assignments_open_of_team ON assignments (workspace_id, team_id, decision_number)
  WHERE open AND team_id IS NOT NULL;
CREATE INDEX assignments_idle ON assignments (workspace_id, idle_from) WHERE open AND idle_from IS NOT NULL;
CREATE INDEX assignments_of_origin ON assignments (workspace_id, origin_owner)
  WHERE open AND origin_owner IS NOT NULL;
CREATE INDEX assignments_open ON assignments (workspace_id, owner_id, decision_number)
  WHERE open AND owner_id IS NOT NULL;
ALTER TABLE events
  ADD COLUMN lead_id uuid,
  ADD COLUMN source text NOT NULL DEFAULT '',
  ADD COLUMN event_id text,
  ADD COLUMN body_hash bytea,
  ADD COLUMN received_at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN day_only boolean NOT NULL DEFAULT false,
  ADD COLUMN by_id text,
  ADD COLUMN via text,
  ADD COLUMN reason text,
  ADD COLUMN amount numeric,
  ADD COLUMN currency text,
  ADD COLUMN note text,
  ADD COLUMN ref text,
  ADD COLUMN for_at timestamptz,
  ADD COLUMN until_at timestamptz,
  ADD COLUMN effect text NOT NULL DEFAULT 'none',
  ADD COLUMN status smallint,
  ADD COLUMN response bytea,
  ADD COLUMN details json,
  DROP CONSTRAINT events_type_check,
  ADD CONSTRAINT events_type_check CHECK (type IN ('accepted', 'rejected', 'first_touch', 'reached',
    'meeting', 'qualified', 'disqualified', 'opportunity', 'purchase', 'lost', 'renewed', 'expanded',
    'churned', 'saved', 'unsubscribed', 'complained', 'invalid_contact', 'spam', 'snoozed', 'reversed',
    'closed', 'note', 'disputed', 'dispute_settled', 'signal') OR type LIKE 'x-%');
UPDATE events SET received_at = at, effect = 'closed', lead_id = (SELECT lead_id FROM assignments
  WHERE assignments.workspace_id = events.workspace_id AND assignments.id = events.assignment_id);
CREATE UNIQUE INDEX events_by_source ON events (workspace_id, source, event_id) WHERE event_id IS NOT NULL;
CREATE INDEX events_of_lead ON events (workspace_id, lead_id, received_at);
CREATE INDEX events_by_age ON events (workspace_id, received_at);
DROP INDEX events_of_assignment;
CREATE INDEX events_of_assignment ON events (workspace_id, assignment_id)
"""

TABLES = """
CREATE TABLE sla_clocks (
  workspace_id bigint NOT NULL,
  assignment_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('accept', 'touch', 'claim', 'max_wait', 'lease')),
  lead_id uuid NOT NULL,
  sla text,
  owner_id text,
  team_id text,
  queue text,
  started_at timestamptz NOT NULL,
  first_due_at timestamptz NOT NULL,
  due_at timestamptz NOT NULL,
  next_at timestamptz NOT NULL,
  reminded smallint NOT NULL DEFAULT 0,
  terms json NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'met', 'missed', 'withdrawn')),
  ended_at timestamptz,
  CHECK ((state = 'pending') = (ended_at IS NULL))
);
CREATE INDEX sla_clocks_next ON sla_clocks (workspace_id, next_at) WHERE state = 'pending';
CREATE INDEX sla_clocks_of_owner ON sla_clocks (workspace_id, owner_id, state, ended_at);
ALTER TABLE sla_clocks ADD PRIMARY KEY (workspace_id, assignment_id, kind);
CREATE TABLE actions (
  workspace_id bigint NOT NULL,
  id text NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 255),
  sequence bigint GENERATED BY DEFAULT AS IDENTITY,
  lead_id uuid NOT NULL,
  assignment_id uuid NOT NULL,
  type text NOT NULL,
  body json NOT NULL,
  created_at timestamptz NOT NULL,
  available_at timestamptz NOT NULL,
  number bigint,
  state text NOT NULL CHECK (state IN ('waiting', 'available', 'leased', 'acknowledged', 'dead', 'expired',
    'withdrawn')),
  deliveries smallint NOT NULL DEFAULT 0,
  lease_token uuid,
  leased_until timestamptz,
  leased_by text,
  ended_at timestamptz,
  CHECK ((state = 'leased') = (lease_token IS NOT NULL)),
  CHECK (state IN ('waiting', 'acknowledged', 'withdrawn') OR number IS NOT NULL)
);
CREATE UNIQUE INDEX actions_by_number ON actions (workspace_id, number) WHERE number IS NOT NULL;
CREATE INDEX actions_waiting ON actions (workspace_id, available_at) WHERE state = 'waiting';
CREATE INDEX actions_undelivered ON actions (workspace_id, number) WHERE state IN ('available', 'leased');
CREATE INDEX actions_of_lead ON actions (workspace_id, lead_id, sequence)
  WHERE state IN ('waiting', 'available', 'leased');
ALTER TABLE actions ADD PRIMARY KEY (workspace_id, id);
CREATE TABLE bulk_jobs (
  workspace_id bigint NOT NULL,
  id uuid NOT NULL,
  kind text NOT NULL,
  state text NOT NULL CHECK (state IN ('running', 'finished', 'canceled')),
  params json NOT NULL,
  total integer NOT NULL CHECK (total >= 0),
  actor text NOT NULL,
  created_at timestamptz NOT NULL,
  ended_at timestamptz,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX bulk_jobs_running ON bulk_jobs (workspace_id, id) WHERE state = 'running';
CREATE TABLE bulk_job_items (
  workspace_id bigint NOT NULL,
  job_id uuid NOT NULL,
  position integer NOT NULL CHECK (position > 0),
  lead_id uuid NOT NULL,
  assignment_id uuid,
  result text,
  details json,
  PRIMARY KEY (workspace_id, job_id, position),
  FOREIGN KEY (workspace_id, job_id) REFERENCES bulk_jobs
);
CREATE INDEX bulk_job_items_left ON bulk_job_items (workspace_id, job_id, position) WHERE result IS NULL;
CREATE TABLE suppressions (
  workspace_id bigint NOT NULL,
  kind text NOT NULL CHECK (kind IN ('email', 'domain')),
  value text NOT NULL CHECK (octet_length(value) BETWEEN 1 AND 255),
  list text NOT NULL,
  actor text NOT NULL,
  at timestamptz NOT NULL,
  assignment_id uuid,
  event_id uuid,
  code text,
  PRIMARY KEY (workspace_id, kind, value)
);
CREATE TABLE worker_runs (
  workspace_id bigint PRIMARY KEY,
  polled_at timestamptz NOT NULL,
  resumed_at timestamptz
)
"""

GRANTED = {
    "sla_clocks": "SELECT, INSERT, UPDATE",
    "actions": "SELECT, INSERT, UPDATE",
    "bulk_jobs": "SELECT, INSERT, UPDATE (state, ended_at)",
    "bulk_job_items": "SELECT, INSERT, UPDATE (result, details)",
    "suppressions": "SELECT, INSERT, UPDATE, DELETE",
    "worker_runs": "SELECT, INSERT, UPDATE",
}
MORE_GRANTED = """
GRANT UPDATE (ended_at, end_cause, accepted_at, touched_at, active_at, idle_from, queue_since, queue_rank,
  origin_owner) ON assignments TO lead_assignment_app;
GRANT SELECT ON installation TO lead_assignment_app
"""


def upgrade() -> None:
    """Change the tables of decisions, add the new ones, then restrict these like the others."""
    for table in ("assignments", "events"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    for statements in (GLOBAL_TABLES, CHANGES, TABLES):
        for statement in statements.split(";\n"):
            op.execute(statement)
    for table in ("assignments", "events"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for table, rights in GRANTED.items():
        op.execute(f"GRANT {rights} ON {table} TO lead_assignment_app")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own_workspace ON {table} USING (workspace_id ="
            " nullif(current_setting('lead_assignment.workspace', true), '')::bigint)"
        )
    for statement in MORE_GRANTED.split(";\n"):
        op.execute(statement)

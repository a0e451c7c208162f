"""Facts for reports: narrow rows without personal data, kept by the worker, and how far they are."""

from alembic import op

revision = "0021"
down_revision = "0020"
serves = "0018"

_CUTS = """
  source text,
  campaign text,
  channel text,
  lead_type text,
  band text,
  account_status text,
  trigger text,
  step text,
  strategy text,
  team_id text,
  owner_id text,
  plan_version integer NOT NULL,
  excluded text CHECK (excluded IN ('blocked', 'merged'))"""

# No foreign keys: facts outlive the leads, decisions and owners they were made from. The index by which most
# rows are found is made last: among indexes of equal cost, as they are while a table is empty, the planner
# takes the newest.
TABLES = f"""
CREATE TABLE lead_facts (
  workspace_id bigint NOT NULL,
  lead_id uuid NOT NULL,
  received_at timestamptz NOT NULL,
  state text NOT NULL,
  imported boolean NOT NULL,
  merged_into uuid,{_CUTS},
  last_owner_id text,
  last_team_id text,
  score double precision,
  first_number bigint NOT NULL,
  changed_at timestamptz NOT NULL,
  tags_conflict boolean NOT NULL,
  arrivals integer NOT NULL,
  duplicates integer NOT NULL,
  first_touch_at timestamptz,
  first_touch_by text,
  reached_at timestamptz,
  reached_by text,
  tries integer NOT NULL,
  tries_until_reached integer,
  automated_at timestamptz,
  automated_answers integer NOT NULL,
  qualified_at timestamptz,
  disqualified_at timestamptz,
  disqualified_reason text,
  meeting_at timestamptz,
  opportunity_at timestamptz,
  purchase_at timestamptz,
  lost_at timestamptz,
  closed_at timestamptz,
  saved_at timestamptz,
  renewed_at timestamptz,
  expanded_at timestamptz,
  churned_at timestamptz,
  unsubscribed_at timestamptz,
  complained_at timestamptz,
  invalid_contact_at timestamptz,
  spam_at timestamptz,
  follow_up_at timestamptz,
  moves integer NOT NULL,
  cover_moves integer NOT NULL,
  handoffs integer NOT NULL,
  claims integer NOT NULL,
  rejects integer NOT NULL,
  ping_pong boolean NOT NULL,
  PRIMARY KEY (workspace_id, lead_id)
);
CREATE INDEX lead_facts_received ON lead_facts (workspace_id, received_at);
CREATE INDEX lead_facts_merged ON lead_facts (workspace_id, merged_into) WHERE merged_into IS NOT NULL;
CREATE TABLE assignment_facts (
  workspace_id bigint NOT NULL,
  assignment_id uuid NOT NULL,
  lead_id uuid NOT NULL,
  decision_number bigint NOT NULL,
  decided_at timestamptz NOT NULL,
  cause text NOT NULL,
  outcome text NOT NULL,
  code text NOT NULL,{_CUTS},
  score double precision,
  queue text,
  path text,
  block text,
  open boolean NOT NULL,
  ended_at timestamptz,
  end_cause text,
  attempt smallint NOT NULL,
  handoff text,
  counts_toward_load boolean NOT NULL,
  refunded boolean NOT NULL,
  dispute text,
  reject_reason text,
  action_types text[] NOT NULL,
  tags_conflict boolean NOT NULL,
  arrival text CHECK (arrival IN ('new', 'reengaged', 'reopened', 'imported', 'duplicate')),
  arrived_at timestamptz,
  arrival_owner_id text,
  response_at timestamptz,
  response_by text,
  response_day_only boolean NOT NULL,
  response_work_seconds bigint,
  response_early boolean NOT NULL,
  response_accepted_at timestamptz,
  response_reached_at timestamptz,
  accepted_work_seconds bigint,
  reached_work_seconds bigint,
  automated_at timestamptz,
  previous_owner_id text,
  move text CHECK (move IN ('first', 'kept', 'move', 'cover', 'return', 'handoff', 'claim')),
  ping_pong boolean NOT NULL,
  accepted_at timestamptz,
  touched_at timestamptz,
  touched_by text,
  touch_day_only boolean NOT NULL,
  owner_touched_at timestamptz,
  owner_work_seconds bigint,
  changed_at timestamptz NOT NULL
);
CREATE INDEX assignment_facts_decided ON assignment_facts (workspace_id, decided_at);
CREATE INDEX assignment_facts_arrived ON assignment_facts (workspace_id, arrived_at)
  WHERE arrived_at IS NOT NULL;
CREATE INDEX assignment_facts_of_lead ON assignment_facts (workspace_id, lead_id);
ALTER TABLE assignment_facts ADD PRIMARY KEY (workspace_id, assignment_id);
CREATE TABLE promise_facts (
  workspace_id bigint NOT NULL,
  assignment_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('accept', 'touch', 'claim')),
  lead_id uuid NOT NULL,
  arrived_at timestamptz NOT NULL,
  started_at timestamptz NOT NULL,
  sla text,{_CUTS},
  queue text,
  due_at timestamptz NOT NULL,
  met_at timestamptz,
  met_by text,
  void_at timestamptz,
  first boolean NOT NULL,
  lead_met_at timestamptz,
  lead_met_by text,
  lead_void_at timestamptz,
  changed_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, assignment_id, kind)
);
CREATE INDEX promise_facts_started ON promise_facts (workspace_id, started_at);
CREATE INDEX promise_facts_arrived ON promise_facts (workspace_id, arrived_at) WHERE first;
CREATE INDEX promise_facts_of_lead ON promise_facts (workspace_id, lead_id);
CREATE TABLE event_facts (
  workspace_id bigint NOT NULL,
  event_id uuid NOT NULL,
  lead_id uuid NOT NULL,
  assignment_id uuid NOT NULL,
  type text NOT NULL,
  at timestamptz NOT NULL,
  day_only boolean NOT NULL,
  told_at timestamptz NOT NULL,
  lead_received_at timestamptz NOT NULL,
  actor text NOT NULL CHECK (actor IN ('person', 'automated', 'system')),
  by_owner_id text,{_CUTS},
  first_owner_id text,
  last_owner_id text,
  via text,
  reason text,
  effect text NOT NULL,
  first boolean NOT NULL,
  amount numeric,
  currency text,
  for_at timestamptz
);
CREATE INDEX event_facts_happened ON event_facts (workspace_id, type, at);
CREATE INDEX event_facts_received ON event_facts (workspace_id, type, lead_received_at);
CREATE INDEX event_facts_of_lead ON event_facts (workspace_id, lead_id);
ALTER TABLE event_facts ADD PRIMARY KEY (workspace_id, event_id);
CREATE TABLE sale_facts (
  workspace_id bigint NOT NULL,
  event_id uuid NOT NULL,
  currency text NOT NULL,
  lead_id uuid NOT NULL,
  deal integer NOT NULL,
  type text NOT NULL,
  at timestamptz NOT NULL,
  told_at timestamptz NOT NULL,
  lead_received_at timestamptz NOT NULL,{_CUTS},
  first_owner_id text,
  last_owner_id text,
  won numeric NOT NULL,
  won_deals smallint NOT NULL,
  pipeline numeric NOT NULL,
  pipeline_deals smallint NOT NULL,
  PRIMARY KEY (workspace_id, event_id, currency)
);
CREATE INDEX sale_facts_happened ON sale_facts (workspace_id, at);
CREATE INDEX sale_facts_received ON sale_facts (workspace_id, lead_received_at);
CREATE INDEX sale_facts_of_lead ON sale_facts (workspace_id, lead_id);
CREATE TABLE fact_cursors (
  workspace_id bigint NOT NULL PRIMARY KEY,
  decision_number bigint NOT NULL DEFAULT 0,
  change_number bigint NOT NULL DEFAULT 0,
  at timestamptz
);
CREATE TABLE stale_facts (
  workspace_id bigint NOT NULL,
  number bigint GENERATED BY DEFAULT AS IDENTITY,
  lead_id uuid NOT NULL,
  PRIMARY KEY (workspace_id, number)
)
"""
FACTS = ("lead_facts", "assignment_facts", "promise_facts", "event_facts", "sale_facts")
BOOKS = ("fact_cursors", "stale_facts")


def upgrade() -> None:
    """Create the tables, restrict them to their workspace, and let the service keep them."""
    for statement in TABLES.split(";\n"):
        op.execute(statement)
    for table in (*FACTS, *BOOKS):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own_workspace ON {table} USING (workspace_id ="
            " nullif(current_setting('lead_assignment.workspace', true), '')::bigint)"
        )
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO lead_assignment_app")

"""The first schema: workspaces, the lock and the journal, the directory, plans, leads, and decisions.

Three rules hold for every table, and a test reads the catalog for them: `workspace_id` leads each key and
index of a workspace's table, row-level security is forced, and the application role can only add to tables
that record the past.
"""

from alembic import op

revision = "0001"
down_revision = None

ROLE = """
DO $$ BEGIN
  -- Asked first: a role that may create none is refused even where this one exists.
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'lead_assignment_app') THEN
    CREATE ROLE lead_assignment_app NOLOGIN NOBYPASSRLS;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""

GLOBAL_TABLES = """
CREATE TABLE workspaces (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE CHECK (octet_length(name) BETWEEN 1 AND 63),
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE api_keys (
  id text PRIMARY KEY,
  workspace_id bigint NOT NULL REFERENCES workspaces ON DELETE CASCADE,
  secret_hash bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
  scopes text[] NOT NULL CHECK (cardinality(scopes) > 0),
  owner_id text,
  label text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz
);
"""

LOCK_AND_JOURNAL = """
CREATE TABLE workspace_locks (
  workspace_id bigint PRIMARY KEY
);
CREATE TABLE clocks (
  workspace_id bigint PRIMARY KEY,
  set_at timestamptz NOT NULL,
  base_time timestamptz NOT NULL,
  speed double precision NOT NULL CHECK (speed BETWEEN 0 AND 1000000)
);
CREATE TABLE journal (
  workspace_id bigint NOT NULL,
  number bigint NOT NULL CHECK (number > 0),
  token uuid NOT NULL,
  at timestamptz NOT NULL,
  decision_number bigint NOT NULL CHECK (decision_number >= 0),
  received bigint NOT NULL CHECK (received >= 0),
  matched bigint NOT NULL CHECK (matched >= 0),
  directory_version bigint NOT NULL,
  plan_version integer NOT NULL,
  state_delta json NOT NULL,
  full_state json,
  PRIMARY KEY (workspace_id, number)
);
CREATE INDEX journal_full_state ON journal (workspace_id, number) WHERE full_state IS NOT NULL;
"""

# One key may belong to several accounts; the decision chooses between them. A lower `rank` comes first, so
# that the first few of thousands are found without reading all of them. The plan document is `json`, not
# `jsonb`: a score tries its bands in the order they were written.
DIRECTORY = """
CREATE TABLE directory (
  workspace_id bigint NOT NULL,
  resource_type text NOT NULL CHECK (resource_type IN ('owners', 'absences', 'teams', 'calendars',
    'accounts', 'tables')),
  id text NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 255),
  body jsonb NOT NULL,
  revision bigint NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, resource_type, id)
);
CREATE TABLE account_keys (
  workspace_id bigint NOT NULL,
  kind text NOT NULL CHECK (kind IN ('crm', 'domain')),
  value text NOT NULL CHECK (octet_length(value) BETWEEN 1 AND 255),
  account_id text NOT NULL,
  rank smallint NOT NULL DEFAULT 0,
  PRIMARY KEY (workspace_id, kind, value, rank, account_id)
);
CREATE INDEX account_keys_of_account ON account_keys (workspace_id, account_id);
CREATE TABLE changes (
  workspace_id bigint NOT NULL,
  version bigint NOT NULL CHECK (version > 0),
  at timestamptz NOT NULL,
  actor text NOT NULL,
  resource_type text NOT NULL,
  resource_id text NOT NULL,
  action text NOT NULL CHECK (action IN ('put', 'delete', 'draft', 'publish', 'rollback')),
  before jsonb,
  after jsonb,
  comment text,
  PRIMARY KEY (workspace_id, version)
);
CREATE INDEX changes_of_resource ON changes (workspace_id, resource_type, resource_id, version);
CREATE TABLE plans (
  workspace_id bigint NOT NULL,
  version integer NOT NULL CHECK (version > 0),
  document json NOT NULL,
  source_text text NOT NULL,
  author text NOT NULL,
  comment text,
  created_at timestamptz NOT NULL,
  activated_at timestamptz,
  PRIMARY KEY (workspace_id, version)
);
"""

# `held_for_owner` and `held_for_team` say who alone can claim a held lead; if both are null, anybody can.
# The primary key of `assignments` comes last: of indexes that look equally good, as all do while the table is
# empty, the planner takes the one made last, and statements keep the plan they got then.
# Nothing refers to `assignments` by foreign key: Postgres plans that check once, and while the table is empty
# each of its indexes looks as good as the primary key, so the check may read the whole workspace each time.
LEADS_AND_DECISIONS = """
CREATE FUNCTION sums_to_zero(amounts bigint[]) RETURNS boolean
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN (SELECT coalesce(sum(amount), 0) = 0 FROM unnest(amounts) AS amount);
CREATE TABLE leads (
  workspace_id bigint NOT NULL,
  id uuid NOT NULL,
  state text NOT NULL
    CHECK (state IN ('assigned', 'queued', 'automated', 'blocked', 'closed', 'merged', 'erased', 'failed')),
  assignment_id uuid,
  received_at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX leads_by_state ON leads (workspace_id, state);
CREATE TABLE identities (
  workspace_id bigint NOT NULL,
  kind text NOT NULL CHECK (kind IN ('external_id', 'crm_lead', 'email', 'phone')),
  value text NOT NULL CHECK (octet_length(value) BETWEEN 1 AND 255),
  lead_id uuid NOT NULL,
  PRIMARY KEY (workspace_id, kind, value),
  FOREIGN KEY (workspace_id, lead_id) REFERENCES leads
);
CREATE INDEX identities_of_lead ON identities (workspace_id, lead_id);
CREATE TABLE assignments (
  workspace_id bigint NOT NULL,
  id uuid NOT NULL,
  decision_number bigint NOT NULL CHECK (decision_number > 0),
  lead_id uuid NOT NULL,
  cause text NOT NULL CHECK (cause IN ('assign', 'reassign', 'claim', 'release', 'import')),
  outcome text NOT NULL CHECK (outcome IN ('assigned', 'queued', 'automated', 'blocked')),
  code text NOT NULL,
  step text,
  owner_id text,
  team_id text,
  queue text,
  path text,
  block text,
  priority integer NOT NULL,
  open boolean NOT NULL,
  counts_toward_load boolean NOT NULL,
  existing_kind text CHECK (existing_kind IN ('duplicate', 'reengaged')),
  existing_assignment_id uuid,
  decided_at timestamptz NOT NULL,
  plan_version integer NOT NULL,
  response bytea NOT NULL,
  inputs bytea NOT NULL,
  held_until timestamptz,
  held_for_owner text,
  held_for_team text,
  UNIQUE (workspace_id, decision_number),
  FOREIGN KEY (workspace_id, lead_id) REFERENCES leads,
  CHECK ((outcome = 'assigned') = (owner_id IS NOT NULL)),
  CHECK ((outcome = 'queued') = (queue IS NOT NULL)),
  CHECK ((outcome = 'automated') = (path IS NOT NULL)),
  CHECK ((outcome = 'blocked') = (block IS NOT NULL)),
  CHECK (counts_toward_load <= (outcome = 'assigned')),
  CHECK (held_until IS NULL OR outcome = 'queued')
);
ALTER TABLE assignments ALTER COLUMN response SET STORAGE EXTERNAL, ALTER COLUMN inputs SET STORAGE EXTERNAL;
CREATE INDEX assignments_of_lead ON assignments (workspace_id, lead_id, decision_number);
CREATE INDEX assignments_open ON assignments (workspace_id, owner_id) WHERE open AND owner_id IS NOT NULL;
CREATE INDEX assignments_toward_load ON assignments (workspace_id, owner_id, decided_at)
  WHERE counts_toward_load;
CREATE INDEX assignments_waiting ON assignments (workspace_id, queue, priority DESC, decision_number)
  WHERE open AND queue IS NOT NULL;
CREATE INDEX assignments_held ON assignments (workspace_id, held_until) WHERE open AND held_until IS NOT NULL;
CREATE INDEX assignments_held_for
  ON assignments (workspace_id, held_for_owner, held_for_team, priority DESC, decision_number)
  WHERE open AND held_until IS NOT NULL;
ALTER TABLE assignments ADD PRIMARY KEY (workspace_id, id);
CREATE TABLE ledger_entries (
  workspace_id bigint NOT NULL,
  team_id text NOT NULL,
  number bigint NOT NULL CHECK (number > 0),
  cause text NOT NULL CHECK (cause IN ('turn', 'rebalanced', 'refund')),
  chosen text,
  assignment_id uuid,
  at timestamptz NOT NULL,
  owners text[] NOT NULL,
  amounts bigint[] NOT NULL CHECK (sums_to_zero(amounts)),
  PRIMARY KEY (workspace_id, team_id, number),
  CHECK (cardinality(owners) = cardinality(amounts))
);
CREATE INDEX ledger_entries_of_assignment ON ledger_entries (workspace_id, assignment_id)
  WHERE assignment_id IS NOT NULL;
CREATE TABLE events (
  workspace_id bigint NOT NULL,
  id uuid NOT NULL,
  assignment_id uuid NOT NULL,
  type text NOT NULL CHECK (type IN ('closed')),
  at timestamptz NOT NULL,
  actor text NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
CREATE INDEX events_of_assignment ON events (workspace_id, assignment_id);
CREATE TABLE idempotency_keys (
  workspace_id bigint NOT NULL,
  key text NOT NULL,
  body_hash bytea NOT NULL,
  assignment_id uuid,
  status smallint NOT NULL,
  response bytea,
  at timestamptz NOT NULL,
  PRIMARY KEY (workspace_id, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (workspace_id, at);
CREATE TABLE failed_leads (
  workspace_id bigint NOT NULL,
  id uuid NOT NULL,
  at timestamptz NOT NULL,
  code text NOT NULL,
  request bytea NOT NULL,
  PRIMARY KEY (workspace_id, id)
);
"""

GRANTED = {
    "workspace_locks": "SELECT, INSERT, UPDATE",
    "clocks": "SELECT, INSERT, UPDATE, DELETE",
    "journal": "SELECT, INSERT, DELETE",
    "directory": "SELECT, INSERT, UPDATE, DELETE",
    "account_keys": "SELECT, INSERT, DELETE",
    "changes": "SELECT, INSERT",
    "plans": "SELECT, INSERT, UPDATE (activated_at)",
    "leads": "SELECT, INSERT, UPDATE",
    "identities": "SELECT, INSERT, UPDATE, DELETE",
    "assignments": "SELECT, INSERT, UPDATE (open, priority)",
    "ledger_entries": "SELECT, INSERT",
    "events": "SELECT, INSERT",
    "idempotency_keys": "SELECT, INSERT, UPDATE, DELETE",
    "failed_leads": "SELECT, INSERT",
}


def upgrade() -> None:
    """Create everything, then restrict it: grants to the application role, and row-level security."""
    op.execute(ROLE)
    for statements in (GLOBAL_TABLES, LOCK_AND_JOURNAL, DIRECTORY, LEADS_AND_DECISIONS):
        for statement in statements.split(";\n"):
            if statement.strip():
                op.execute(statement)
    op.execute("GRANT USAGE ON SCHEMA public TO lead_assignment_app")
    op.execute("GRANT SELECT ON workspaces, api_keys TO lead_assignment_app")
    for table, rights in GRANTED.items():
        op.execute(f"GRANT {rights} ON {table} TO lead_assignment_app")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own_workspace ON {table} USING (workspace_id ="
            " nullif(current_setting('lead_assignment.workspace', true), '')::bigint)"
        )

"""What campaigns cost, by day and currency. `fact_campaign` is the campaign as facts name it."""

from alembic import op

revision = "0022"
down_revision = "0021"
serves = "0018"

TABLE = """
CREATE TABLE spend (
  workspace_id bigint NOT NULL,
  campaign text NOT NULL CHECK (octet_length(campaign) BETWEEN 1 AND 1020),
  fact_campaign text NOT NULL,
  day date NOT NULL,
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  amount numeric NOT NULL CHECK (amount >= 0),
  updated_at timestamptz NOT NULL DEFAULT now(),
  updated_by text NOT NULL,
  PRIMARY KEY (workspace_id, campaign, day, currency)
);
CREATE INDEX spend_by_day ON spend (workspace_id, day, campaign, currency);
CREATE INDEX lead_facts_campaigns ON lead_facts (workspace_id, campaign) WHERE campaign IS NOT NULL;
CREATE INDEX assignment_facts_ended ON assignment_facts (workspace_id, ended_at)
  WHERE ended_at IS NOT NULL AND team_id IS NOT NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON spend TO lead_assignment_app;
ALTER TABLE spend ENABLE ROW LEVEL SECURITY;
ALTER TABLE spend FORCE ROW LEVEL SECURITY;
CREATE POLICY own_workspace ON spend
  USING (workspace_id = nullif(current_setting('lead_assignment.workspace', true), '')::bigint)
"""


def upgrade() -> None:
    """Add the table, restricted like the others."""
    for statement in TABLE.split(";\n"):
        op.execute(statement)

"""Views of spend and of the shares of members, for BI tools. Their readers are those of the other views."""

from alembic import op

revision = "0034"
down_revision = "0033"
serves = "0018"

FACTS = ("lead_facts", "assignment_facts", "promise_facts", "event_facts", "sale_facts")
GRANTS = {
    **dict.fromkeys(FACTS, "SELECT"),
    "spend": "SELECT (workspace_id, fact_campaign, day, currency, amount, updated_at)",
    "share_facts": "SELECT",
    "share_splits": "SELECT",
}
"""What readers may read of each table: of spend neither who uploaded it, nor the campaign as it was sent."""
SPEND = """
CREATE VIEW reports.spend WITH (security_invoker = true) AS
SELECT fact_campaign AS campaign, day, currency, amount, updated_at FROM public.spend
"""
SHARES = """
CREATE VIEW reports.shares WITH (security_invoker = true) AS
SELECT share.team_id, share.number, share.at, share.assignment_id, part.owner_id, part.part,
       part.amount / 1000000000000.0 AS leads
  FROM public.share_facts AS share
  JOIN public.share_splits AS split
    ON split.workspace_id = share.workspace_id AND split.id = share.split_id
 CROSS JOIN LATERAL unnest(split.owners, split.columns, split.amounts) AS part (owner_id, part, amount)
"""
PREPARE = f"""
CREATE OR REPLACE FUNCTION prepare_report_readers() RETURNS void LANGUAGE plpgsql AS $prepare$
DECLARE fact name;
BEGIN
  REVOKE EXECUTE ON FUNCTION workspace_of_reader() FROM PUBLIC;
  GRANT EXECUTE ON FUNCTION workspace_of_reader() TO lead_assignment_reports;
  GRANT USAGE ON SCHEMA reports TO lead_assignment_reports;
  GRANT SELECT ON ALL TABLES IN SCHEMA reports TO lead_assignment_reports;
  {" ".join(f"GRANT {what} ON public.{table} TO lead_assignment_reports;" for table, what in GRANTS.items())}
  FOREACH fact IN ARRAY ARRAY[{", ".join(f"'{table}'" for table in GRANTS)}] LOOP
    EXECUTE format('DROP POLICY IF EXISTS readers ON public.%I', fact);
    EXECUTE format('DROP POLICY IF EXISTS only_their_workspace ON public.%I', fact);
    EXECUTE format('CREATE POLICY readers ON public.%I FOR SELECT TO lead_assignment_reports'
                   ' USING (workspace_id = (SELECT workspace_of_reader()))', fact);
    EXECUTE format('CREATE POLICY only_their_workspace ON public.%I AS RESTRICTIVE FOR SELECT'
                   ' TO lead_assignment_reports USING (workspace_id = (SELECT workspace_of_reader()))', fact);
  END LOOP;
END $prepare$
"""
AGAIN = """
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'lead_assignment_reports') THEN
    PERFORM prepare_report_readers();
  END IF;
END $$
"""


def upgrade() -> None:
    """Create the views, and let readers see them."""
    for statement in (SPEND, SHARES, PREPARE, AGAIN):
        op.execute(statement)

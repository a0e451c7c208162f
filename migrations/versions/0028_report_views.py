"""Views of the facts for BI tools, each login of which reads one workspace.

A reader must not choose its workspace by a setting, as the service does. So the table `report_readers` says
which workspace a login reads, and policies for the group `lead_assignment_reports` ask it by a function. The
restrictive policy holds whatever a session sets.
"""

from alembic import op

revision = "0028"
down_revision = "0026"
serves = "0018"

CUTS = """source, campaign, channel, lead_type, band, account_status, trigger, step, strategy, team_id,
  owner_id, plan_version, excluded"""
VIEWS = {
    "leads": (
        "lead_facts",
        f"""lead_id, received_at, state, imported, merged_into, {CUTS}, last_owner_id, last_team_id, score,
  first_number, changed_at, tags_conflict, arrivals, duplicates, first_touch_at, first_touch_by, reached_at,
  reached_by, tries, tries_until_reached, automated_at, automated_answers, qualified_at, disqualified_at,
  disqualified_reason, meeting_at, opportunity_at, purchase_at, lost_at, closed_at, saved_at, renewed_at,
  expanded_at, churned_at, unsubscribed_at, complained_at, invalid_contact_at, spam_at, follow_up_at, moves,
  cover_moves, handoffs, claims, rejects, ping_pong""",
    ),
    "assignments": (
        "assignment_facts",
        f"""assignment_id, lead_id, decision_number, decided_at, cause, outcome, code, {CUTS}, score, queue,
  path, block, open, ended_at, end_cause, attempt, handoff, counts_toward_load, refunded, dispute,
  reject_reason, action_types, tags_conflict, arrival, arrived_at, arrival_owner_id, response_at, response_by,
  response_day_only, response_work_seconds, response_early, response_accepted_at, accepted_work_seconds,
  response_reached_at, reached_work_seconds, automated_at, previous_owner_id, move, ping_pong, accepted_at,
  touched_at, touched_by, touch_day_only, owner_touched_at, owner_work_seconds, changed_at""",
    ),
    "promises": (
        "promise_facts",
        f"""assignment_id, kind, lead_id, arrived_at, started_at, sla, {CUTS}, queue, due_at, met_at, met_by,
  void_at, first, lead_met_at, lead_met_by, lead_void_at, changed_at""",
    ),
    "events": (
        "event_facts",
        f"""event_id, lead_id, assignment_id, type, at, day_only, told_at, lead_received_at, actor,
  by_owner_id, {CUTS}, first_owner_id, last_owner_id, via, reason, effect, first, amount, currency, for_at""",
    ),
    "sales": (
        "sale_facts",
        f"""event_id, currency, lead_id, deal, type, at, told_at, lead_received_at, {CUTS}, first_owner_id,
  last_owner_id, won, won_deals, pipeline, pipeline_deals""",
    ),
}
"""Each view: its table of facts, and all columns but the workspace."""

READERS = """
CREATE TABLE report_readers (
  login text PRIMARY KEY,
  workspace_id bigint NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE
)
"""
READ_WORKSPACE = """
CREATE FUNCTION workspace_of_reader() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
  SELECT workspace_id FROM report_readers WHERE login = session_user;
END
"""
PREPARE = f"""
CREATE FUNCTION prepare_report_readers() RETURNS void LANGUAGE plpgsql AS $prepare$
DECLARE fact name;
BEGIN
  REVOKE EXECUTE ON FUNCTION workspace_of_reader() FROM PUBLIC;
  GRANT EXECUTE ON FUNCTION workspace_of_reader() TO lead_assignment_reports;
  GRANT USAGE ON SCHEMA reports TO lead_assignment_reports;
  GRANT SELECT ON ALL TABLES IN SCHEMA reports TO lead_assignment_reports;
  FOREACH fact IN ARRAY ARRAY[{", ".join(f"'{table}'" for table, _ in VIEWS.values())}] LOOP
    EXECUTE format('GRANT SELECT ON public.%I TO lead_assignment_reports', fact);
    EXECUTE format('DROP POLICY IF EXISTS readers ON public.%I', fact);
    EXECUTE format('DROP POLICY IF EXISTS only_their_workspace ON public.%I', fact);
    EXECUTE format('CREATE POLICY readers ON public.%I FOR SELECT TO lead_assignment_reports'
                   ' USING (workspace_id = (SELECT workspace_of_reader()))', fact);
    EXECUTE format('CREATE POLICY only_their_workspace ON public.%I AS RESTRICTIVE FOR SELECT'
                   ' TO lead_assignment_reports USING (workspace_id = (SELECT workspace_of_reader()))', fact);
  END LOOP;
END $prepare$
"""
# An owner of the tables without rights over roles does without readers until there is the group.
GROUP = """
DO $$ BEGIN
  BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'lead_assignment_reports') THEN
      CREATE ROLE lead_assignment_reports NOLOGIN NOBYPASSRLS;
    END IF;
  EXCEPTION WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN NULL;
  END;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'lead_assignment_reports') THEN
    PERFORM prepare_report_readers();
  END IF;
END $$
"""


def upgrade() -> None:
    """Create the views, and let readers see the facts of their workspace."""
    op.execute(READERS)
    op.execute(READ_WORKSPACE)
    op.execute("CREATE SCHEMA IF NOT EXISTS reports")
    for view, (table, columns) in VIEWS.items():
        query = f"SELECT {columns} FROM public.{table}"  # noqa: S608 - both stand above
        op.execute(f"CREATE VIEW reports.{view} WITH (security_invoker = true) AS {query}")
    op.execute(PREPARE)
    op.execute("REVOKE EXECUTE ON FUNCTION prepare_report_readers() FROM PUBLIC")
    op.execute(GROUP)

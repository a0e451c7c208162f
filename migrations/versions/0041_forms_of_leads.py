"""Which form each lead was sent with, so that reports can group by it."""

from alembic import op

revision = "0041"
down_revision = "0040"
serves = "0034"

VIEWS = {
    "leads": "lead_facts",
    "assignments": "assignment_facts",
    "promises": "promise_facts",
    "events": "event_facts",
    "sales": "sale_facts",
}
# A view gets a new column only at its end. Its other columns are read back as they are.
VIEW = """
DO $$ DECLARE columns text; BEGIN
  SELECT string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position) INTO columns
    FROM information_schema.columns WHERE table_schema = 'reports' AND table_name = '{view}';
  EXECUTE 'CREATE OR REPLACE VIEW reports.{view} WITH (security_invoker = true) AS SELECT '
    || columns || ', form FROM public.{table}';
END $$
"""


def upgrade() -> None:
    """Add the column to each table of facts, and show it in its view."""
    for view, table in VIEWS.items():
        op.execute(f"ALTER TABLE {table} ADD COLUMN form text")
        op.execute(VIEW.format(view=view, table=table))

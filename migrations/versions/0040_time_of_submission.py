"""When a person sent what arrived, if that was earlier: the times of reports count from then."""

from alembic import op

revision = "0040"
down_revision = "0039"
serves = "0034"

# A view gets a new column only at its end. Its other columns are read back as they are.
VIEW = """
DO $$ DECLARE columns text; BEGIN
  SELECT string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position) INTO columns
    FROM information_schema.columns WHERE table_schema = 'reports' AND table_name = 'assignments';
  EXECUTE 'CREATE OR REPLACE VIEW reports.assignments WITH (security_invoker = true) AS SELECT '
    || columns || ', submitted_at FROM public.assignment_facts';
END $$
"""


def upgrade() -> None:
    """Add the column, and show it in the view."""
    op.execute("ALTER TABLE assignment_facts ADD COLUMN submitted_at timestamptz")
    op.execute(VIEW)

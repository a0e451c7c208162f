"""What reports would otherwise look up for each lead: whether an arrival was promised anything."""

from alembic import op

revision = "0031"
down_revision = "0030"
serves = "0018"

# NULL is not known: of facts that were made before. Reports look these up.
# Requests that came twice, and blocked ones, are few among the arrivals, and counted apart.
STATEMENTS = """
ALTER TABLE assignment_facts ADD COLUMN promised boolean;
CREATE INDEX assignment_facts_apart ON assignment_facts (workspace_id, arrived_at)
  WHERE arrival IN ('reengaged', 'duplicate') OR excluded = 'blocked'
"""
# A view gets a new column only at its end. Its other columns are read back as they are.
VIEW = """
DO $$ DECLARE columns text; BEGIN
  SELECT string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position) INTO columns
    FROM information_schema.columns WHERE table_schema = 'reports' AND table_name = 'assignments';
  EXECUTE 'CREATE OR REPLACE VIEW reports.assignments WITH (security_invoker = true) AS SELECT '
    || columns || ', promised FROM public.assignment_facts';
END $$
"""


def upgrade() -> None:
    """Add the column and the index, and show the column in the view."""
    for statement in STATEMENTS.split(";\n"):
        op.execute(statement)
    op.execute(VIEW)

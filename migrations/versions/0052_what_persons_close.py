"""Which channels and topics persons close, for reports."""

from alembic import op

revision = "0052"
down_revision = "0051"
serves = "0034"

COLUMNS = "ALTER TABLE event_facts ADD COLUMN closes text[] NOT NULL DEFAULT '{}', ADD COLUMN topic text"
# A view gets a new column only at its end. Its other columns are read back as they are.
VIEW = """
DO $$ DECLARE columns text; BEGIN
  SELECT string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position) INTO columns
    FROM information_schema.columns WHERE table_schema = 'reports' AND table_name = 'events';
  EXECUTE 'CREATE OR REPLACE VIEW reports.events WITH (security_invoker = true) AS SELECT '
    || columns || ', closes, topic FROM public.event_facts';
END $$
"""


def upgrade() -> None:
    """Add the columns, and show them in the view."""
    op.execute(COLUMNS)
    op.execute(VIEW)

"""Which parts of junk leads carried, what followed, and what people say about it."""

from alembic import op

revision = "0046"
down_revision = "0045"
serves = "0034"

COLUMNS = """
ALTER TABLE lead_facts
  ADD COLUMN junk_parts text[] NOT NULL DEFAULT '{}',
  ADD COLUMN junk text,
  ADD COLUMN not_spam_at timestamptz,
  ADD COLUMN unblocked_at timestamptz;
ALTER TABLE assignment_facts ADD COLUMN junk_parts text[] NOT NULL DEFAULT '{}';
ALTER TABLE events
  DROP CONSTRAINT events_type_check,
  ADD CONSTRAINT events_type_check CHECK (type IN ('accepted', 'rejected', 'first_touch', 'reached',
    'meeting', 'qualified', 'disqualified', 'opportunity', 'purchase', 'lost', 'renewed', 'expanded',
    'churned', 'saved', 'unsubscribed', 'complained', 'invalid_contact', 'spam', 'not_spam', 'snoozed',
    'reversed', 'closed', 'note', 'disputed', 'dispute_settled', 'signal', 'disclosed')
    OR type LIKE 'x-%')
"""
VIEWS = {
    ("leads", "lead_facts"): "junk_parts, junk, not_spam_at, unblocked_at",
    ("assignments", "assignment_facts"): "junk_parts",
}
# A view gets a new column only at its end. Its other columns are read back as they are.
VIEW = """
DO $$ DECLARE columns text; BEGIN
  SELECT string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position) INTO columns
    FROM information_schema.columns WHERE table_schema = 'reports' AND table_name = '{view}';
  EXECUTE 'CREATE OR REPLACE VIEW reports.{view} WITH (security_invoker = true) AS SELECT '
    || columns || ', {added} FROM public.{table}';
END $$
"""


def upgrade() -> None:
    """Add the columns, show them in the views, and allow the event."""
    for statement in COLUMNS.split(";\n"):
        op.execute(statement)
    for (view, table), added in VIEWS.items():
        op.execute(VIEW.format(view=view, table=table, added=added))

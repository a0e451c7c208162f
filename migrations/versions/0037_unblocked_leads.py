"""Leads that are blocked are listed, and say so when a person unblocks them."""

from alembic import op

revision = "0037"
down_revision = "0036"
serves = "0018"

CHANGES = """
ALTER TABLE assignments DROP CONSTRAINT assignments_cause_check,
  ADD CONSTRAINT assignments_cause_check CHECK (cause IN ('assign', 'reassign', 'claim', 'release', 'import',
    'reject', 'take_away', 'escalate', 'handoff', 'give_back', 'lease_ended', 'max_wait', 'cover', 'return',
    'signal', 'crm', 'crm_reassign', 'unblocked'));
CREATE INDEX assignments_blocked ON assignments (workspace_id, decision_number) WHERE outcome = 'blocked'
"""


def upgrade() -> None:
    """Allow the cause, and find what is blocked."""
    for statement in CHANGES.split(";"):
        op.execute(statement)

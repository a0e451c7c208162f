"""Leads that were decided without a provider are decided again after a while."""

from alembic import op

revision = "0051"
down_revision = "0050"
serves = "0034"

CHANGES = """
ALTER TABLE assignments DROP CONSTRAINT assignments_cause_check,
  ADD CONSTRAINT assignments_cause_check CHECK (cause IN ('assign', 'reassign', 'claim', 'release', 'import',
    'reject', 'take_away', 'escalate', 'handoff', 'give_back', 'lease_ended', 'max_wait', 'cover', 'return',
    'signal', 'crm', 'crm_reassign', 'unblocked', 'recheck'));
ALTER TABLE sla_clocks DROP CONSTRAINT sla_clocks_kind_check,
  ADD CONSTRAINT sla_clocks_kind_check CHECK (kind IN ('accept', 'touch', 'claim', 'max_wait', 'lease',
    'handoff', 'recheck'))
"""


def upgrade() -> None:
    """Allow the cause, and the clock that says when."""
    for statement in CHANGES.split(";\n"):
        op.execute(statement)

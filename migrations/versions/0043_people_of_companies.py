"""Keys by which the people of one company, and people of one name, are found."""

from alembic import op

revision = "0043"
down_revision = "0042"
serves = "0034"


def upgrade() -> None:
    """Allow the kinds of keys."""
    op.execute("ALTER TABLE identities DROP CONSTRAINT identities_kind_check")
    op.execute(
        "ALTER TABLE identities ADD CONSTRAINT identities_kind_check CHECK"
        " (kind IN ('external_id', 'crm_lead', 'email', 'phone', 'email_alias', 'company', 'person'))"
    )

"""Calendars: another noun of the directory."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Let the directory hold them."""
    op.execute("ALTER TABLE directory DROP CONSTRAINT directory_noun_check")
    op.execute(
        "ALTER TABLE directory ADD CONSTRAINT directory_noun_check"
        " CHECK (noun IN ('owners', 'absences', 'teams', 'calendars'))"
    )

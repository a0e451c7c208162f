"""A key may belong to several leads, external ids have a source, and a lead's fields outgrow its assignment.

`identities.source` is where an external id comes from; those stored before have none. `leads.fields_from` is
the decision whose inputs hold the lead's fields, where that is not the one of its assignment.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

# Of indexes that look equally good, as all do while the table is empty, the planner takes the one made last:
# so the primary key comes first.
CHANGES = """
ALTER TABLE leads ADD COLUMN fields_from uuid;
ALTER TABLE identities
  ADD COLUMN source text NOT NULL DEFAULT '' CHECK (octet_length(source) <= 255),
  DROP CONSTRAINT identities_kind_check,
  ADD CONSTRAINT identities_kind_check
    CHECK (kind IN ('external_id', 'crm_lead', 'email', 'phone', 'email_alias')),
  DROP CONSTRAINT identities_pkey,
  ADD PRIMARY KEY (workspace_id, kind, value, lead_id, source);
DROP INDEX identities_of_lead;
CREATE INDEX identities_of_lead ON identities (workspace_id, lead_id);
"""


def upgrade() -> None:
    """Change the two tables."""
    for statement in CHANGES.split(";\n"):
        if statement.strip():
            op.execute(statement)

"""A key may belong to several leads, external ids have a source, and a lead's fields outgrow its assignment.

`identities.source` is where an external id comes from; those stored before have none. `leads.fields_from` is
the decision whose inputs hold the lead's fields, where that is not the one of its assignment.

The stored keys get the form in which keys are compared from now on: Salesforce ids of 15 characters, and
`gmail.com` for `googlemail.com`. Addresses get their aliases.
"""

from collections.abc import Callable, Iterator

from alembic import op
from sqlalchemy import Row, bindparam, column, table, text
from sqlalchemy.dialects import postgresql

from app.intake.mailboxes import email_alias, email_key
from app.values.crm_ids import crm_id_key

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

SELECT_IDENTITIES = """
SELECT * FROM identities
 WHERE kind = 'crm_lead' AND length(value) = 18
    OR kind = 'email' AND (value LIKE '%@googlemail.com' OR value LIKE '%+%' OR value LIKE '%.%@gmail.com')
"""
SELECT_ACCOUNT_KEYS = "SELECT * FROM account_keys WHERE kind = 'crm' AND length(value) = 18"
ROWS_AT_ONCE = 10_000

Key = tuple[str, str]
"""Kind and value."""


def upgrade() -> None:
    """Change the two tables, and the keys in them and of accounts."""
    for statement in CHANGES.split(";\n"):
        if statement.strip():
            op.execute(statement)
    _rewrite("identities", SELECT_IDENTITIES, lambda row: [*keys_of_lead(row.kind, row.value)])
    _rewrite("account_keys", SELECT_ACCOUNT_KEYS, lambda row: [(row.kind, crm_id_key(row.value))])


def keys_of_lead(kind: str, value: str) -> Iterator[Key]:
    """The keys that take the place of this one."""
    if kind == "crm_lead":
        yield kind, crm_id_key(value)
        return
    key = email_key(value)
    yield kind, key
    if (alias := email_alias(key)) != key:
        yield "email_alias", alias


def _rewrite(name: str, select: str, keys_of: Callable[[Row[tuple[object, ...]]], list[Key]]) -> None:
    """Give the selected rows other keys. A key that a lead or an account has already stays once."""
    # Row-level security is forced on the owner of the tables too, who must read every workspace here.
    op.execute(f"ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY")
    connection = op.get_bind()
    found = connection.execute(text(select))
    names = found.keys()
    target = table(name, *(column(each) for each in names))
    insert = postgresql.insert(target).on_conflict_do_nothing()
    delete = target.delete().where(*(each == bindparam(f"old_{each.name}") for each in target.columns))
    for rows in found.partitions(ROWS_AT_ONCE):
        changed = [(row, keys_of(row)) for row in rows]
        gone = [
            {f"old_{each}": value for each, value in row._asdict().items()}
            for row, keys in changed
            if (row.kind, row.value) not in keys
        ]
        new = [
            {**row._asdict(), "kind": kind, "value": value} for row, keys in changed for kind, value in keys
        ]
        for statement, values in ((delete, gone), (insert, new)):
            if values:
                connection.execute(statement, values)
    op.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")

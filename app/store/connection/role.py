"""Checks the role of the service: row-level security must apply to it."""

from app.store.connection.pool import Connection

SELECT_ROLE = """
SELECT rolsuper AS superuser, rolbypassrls AS bypasses,
       EXISTS (SELECT FROM pg_roles AS app WHERE app.rolname = 'lead_assignment_app'
                  AND pg_has_role(session_user, app.oid, 'MEMBER')) AS member,
       EXISTS (SELECT FROM pg_roles AS privacy WHERE privacy.rolname = 'lead_assignment_privacy'
                  AND pg_has_role(session_user, privacy.oid, 'MEMBER')) AS erases,
       EXISTS (SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
                WHERE nspname = 'public' AND relname = 'journal'
                  AND pg_has_role(session_user, relowner, 'MEMBER')) AS owns,
       EXISTS (SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
                WHERE nspname = 'public' AND relname = 'journal') AS migrated
  FROM pg_roles WHERE rolname = session_user
"""
"""The rights of the role of this session."""


async def has_tables(connection: Connection) -> bool:
    """Return whether the database was ever migrated."""
    row = await connection.fetchrow(SELECT_ROLE)
    return row is not None and bool(row["migrated"])


async def list_objections(connection: Connection) -> list[str]:
    """Return the reasons why the service must not run as this role, if there are any."""
    row = await connection.fetchrow(SELECT_ROLE)
    if row is None:
        return ["the database does not know the role of this session"]
    if not row["migrated"]:
        return ["the database has no tables yet: run `lead-assignment migrate` first"]
    found = {
        "the role is a superuser, so row-level security does not apply to it": row["superuser"],
        "the role has BYPASSRLS, so row-level security does not apply to it": row["bypasses"],
        "the role owns the tables; use another one, and MIGRATION_DATABASE_URL for the owner": row["owns"],
        "the role is not a member of lead_assignment_app": not row["member"],
        "the role is not a member of lead_assignment_privacy": not row["erases"],
    }
    return [sentence for sentence, wrong in found.items() if wrong]

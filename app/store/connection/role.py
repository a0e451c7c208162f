"""What the role is that the service connects as: one that row-level security can bind."""

from app.store.connection.pool import Connection

ROLE = """
SELECT rolsuper AS superuser, rolbypassrls AS bypasses,
       EXISTS (SELECT FROM pg_roles AS app WHERE app.rolname = 'lead_assignment_app'
                  AND pg_has_role(session_user, app.oid, 'MEMBER')) AS member,
       EXISTS (SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
                WHERE nspname = 'public' AND relname = 'journal'
                  AND pg_has_role(session_user, relowner, 'MEMBER')) AS owns,
       EXISTS (SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
                WHERE nspname = 'public' AND relname = 'journal') AS migrated
  FROM pg_roles WHERE rolname = session_user
"""


async def list_objections(connection: Connection) -> list[str]:
    """Why the service must not run as this role; nothing when it may."""
    row = await connection.fetchrow(ROLE)
    if row is None:
        return ["the database does not say which role this is"]
    if not row["migrated"]:
        return ["the database has no tables yet: run `lead-assignment migrate` first"]
    found = {
        "the role is a superuser, which row-level security does not bind": row["superuser"],
        "the role has BYPASSRLS, so row-level security does not bind it": row["bypasses"],
        "the role owns the tables; use another one, and MIGRATION_DATABASE_URL for the owner": row["owns"],
        "the role is no member of lead_assignment_app": not row["member"],
    }
    return [sentence for sentence, wrong in found.items() if wrong]

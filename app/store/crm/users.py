"""States of users that a CRM told: who is deactivated there, and whose leads are still to be moved."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.store.clocks import NOW
from app.store.connection.pool import Connection
from app.store.connection.rows import row_in_utc

SETTLE = timedelta(minutes=3)
"""The leads of a deactivated user move so long after the last one was handed over in the CRM."""


@dataclass(frozen=True, slots=True)
class CrmUser:
    """One user of a CRM who is an owner here.

    `at` is when the CRM changed the state, by its clock. `absence_id` is the absence that the CRM began.
    `leaves_since` is set while the open leads of a deactivated user wait to be moved.
    """

    system: str
    id: str
    owner_id: str
    state: str
    at: datetime | None
    absence_id: str | None = None
    leaves_since: datetime | None = None


SELECT_USER = """
SELECT system, id, owner_id, state, at, absence_id, leaves_since FROM crm_users
 WHERE workspace_id = $1 AND system = $2 AND id = $3
"""
"""One user."""

SELECT_USERS = """
SELECT system, id, owner_id, state, at, absence_id, leaves_since FROM crm_users
 WHERE workspace_id = $1 AND system = $2
"""
"""The users of a CRM that are known."""

UPSERT_USER = """
INSERT INTO crm_users (workspace_id, system, id, owner_id, state, at, absence_id, leaves_since)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (workspace_id, system, id) DO UPDATE
  SET owner_id = excluded.owner_id, state = excluded.state, at = excluded.at,
      absence_id = excluded.absence_id, leaves_since = excluded.leaves_since
"""
"""What is known of a user now."""

# A person who hands the leads over in the CRM goes first: each change of an owner starts the time again.
SELECT_SETTLED = f"""
SELECT system, id, owner_id, state, at, absence_id, leaves_since FROM crm_users AS leaver
 CROSS JOIN (SELECT {NOW} AS now) AS clock
 WHERE workspace_id = $1 AND leaves_since IS NOT NULL AND leaves_since <= clock.now - $2::interval
   AND NOT EXISTS (
     SELECT FROM assignments
      WHERE workspace_id = $1 AND assignments.owner_id = leaver.owner_id AND end_cause = 'crm'
        AND ended_at > clock.now - $2::interval)
 ORDER BY leaves_since LIMIT 10
"""
"""The users whose leads nobody has handed over lately."""


async def find_user(connection: Connection, workspace_id: int, system: str, id_: str) -> CrmUser | None:
    """Return what is known of a user, or None."""
    row = await connection.fetchrow(SELECT_USER, workspace_id, system, id_)
    return CrmUser(**row_in_utc(row)) if row is not None else None


async def find_users(connection: Connection, workspace_id: int, system: str) -> dict[str, CrmUser]:
    """Return what is known of the users of a CRM, by id."""
    rows = await connection.fetch(SELECT_USERS, workspace_id, system)
    return {row["id"]: CrmUser(**row_in_utc(row)) for row in rows}


async def keep_user(connection: Connection, workspace_id: int, user: CrmUser) -> None:
    """Write what is known of a user."""
    await connection.execute(
        UPSERT_USER,
        workspace_id,
        user.system,
        user.id,
        user.owner_id,
        user.state,
        user.at,
        user.absence_id,
        user.leaves_since,
    )


async def find_settled(connection: Connection, workspace_id: int) -> list[CrmUser]:
    """Return the deactivated users whose leads nobody has handed over lately."""
    rows = await connection.fetch(SELECT_SETTLED, workspace_id, SETTLE)
    return [CrmUser(**row_in_utc(row)) for row in rows]


async def end_leaving(connection: Connection, workspace_id: int, user: CrmUser) -> None:
    """The leads of a user are being moved."""
    await keep_user(connection, workspace_id, replace(user, leaves_since=None))

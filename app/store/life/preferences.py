"""What persons allow, beside their leads; the acts that led there; and the contacts of persons."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from app.engine.followup.contact import Contacted
from app.engine.life.preferences import Preferences, from_json
from app.engine.model.lead_keys import EMAIL
from app.store.connection.pool import Connection
from app.store.connection.rows import row_in_utc
from app.store.leads.merges import LEADS_OF_PERSON
from app.store.stored_bytes import unpack

LONGEST = timedelta(days=366)
"""No cap looks back further."""
MAX_COUNTED = 10_000
_MAX_LISTED = 1000

SELECT_LEADS_OF_ADDRESS = """
SELECT wanted.value, identity.lead_id::text AS lead_id
  FROM unnest($2::text[], $3::text[]) AS wanted (kind, value)
 CROSS JOIN LATERAL (
   SELECT lead_id FROM identities
    WHERE workspace_id = $1 AND kind = wanted.kind AND identities.value = wanted.value
    ORDER BY lead_id DESC LIMIT 100) AS identity
"""
"""The leads that have an address now."""

UPDATE_PREFERENCES = "UPDATE leads SET preferences = $3 WHERE workspace_id = $1 AND id = $2"
"""What the person behind a lead allows now."""

INSERT_PREFERENCE_CHANGES = """
INSERT INTO preference_changes (workspace_id, lead_id, id, version, at, actor, details)
SELECT $1, * FROM json_to_recordset($2) AS change (
  lead_id uuid, id uuid, version integer, at timestamptz, actor text, details json)
"""
"""Acts, kept as proof."""

SELECT_PREFERENCES = """
SELECT id::text AS id, preferences FROM leads
 WHERE workspace_id = $1 AND id = $2 AND state NOT IN ('merged', 'erased', 'failed')
"""
"""What the person behind a lead allows."""

SELECT_PREFERENCE_CHANGES = f"""
SELECT lead_id::text AS lead_id, version, at, actor, details
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT * FROM preference_changes
    WHERE workspace_id = $1 AND lead_id = wanted.id ORDER BY id DESC LIMIT {_MAX_LISTED}) AS change
 ORDER BY change.id DESC LIMIT {_MAX_LISTED}
"""
"""The acts of a person, the newest first."""

INSERT_CONTACTS = """
INSERT INTO contacts (workspace_id, lead_id, at, action_id, channel)
SELECT $1, * FROM json_to_recordset({rows}) AS contact (
  lead_id uuid, at timestamptz, action_id text, channel text)
ON CONFLICT DO NOTHING
"""
"""Actions that contact a person; `rows` is the name of the parameter that holds them as JSON."""

COPY_CONTACTS = """
INSERT INTO contacts (workspace_id, lead_id, at, action_id, channel)
SELECT $1, $3, at, action_id, channel FROM contacts
 WHERE workspace_id = $1 AND lead_id = ANY ($2::uuid[]) AND at > $4
ON CONFLICT DO NOTHING
"""
"""The contacts of a person, for another lead of theirs."""

SELECT_ANSWERS = f"""
SELECT wanted.id::text AS lead_id, assignment.decided_at, assignment.response
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT decided_at, response FROM assignments
    WHERE workspace_id = $1 AND assignments.lead_id = wanted.id AND decided_at > $3
    ORDER BY decision_number DESC LIMIT {_MAX_LISTED}) AS assignment
"""
"""What was answered to leads."""

SELECT_EVENT_ANSWERS = f"""
SELECT wanted.id::text AS lead_id, event.received_at, event.response
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT received_at, response FROM events
    WHERE workspace_id = $1 AND events.lead_id = wanted.id AND received_at > $3 AND response IS NOT NULL
    ORDER BY received_at DESC LIMIT {_MAX_LISTED}) AS event
"""
"""What was answered to events about leads."""

# What is pushed stays so: only its messages tell whether any target got it.
_IS_OVER = """
  (action.state IN ('dead', 'withdrawn', 'expired') OR (action.state = 'pushed' AND coalesce((
   SELECT bool_and(state IN ('dead', 'withdrawn', 'expired'))
     FROM (SELECT state FROM target_messages
            WHERE workspace_id = $1 AND lead_id = action.lead_id AND target_messages.id = action.id
            ORDER BY target_id, sequence LIMIT 1000) AS message), false)))"""

SELECT_NOT_EXECUTED = f"""
SELECT wanted.id
  FROM unnest($2::text[]) AS wanted (id)
 CROSS JOIN LATERAL (
   SELECT id, lead_id, state FROM actions
    WHERE workspace_id = $1 AND actions.id = wanted.id LIMIT 1) AS action
 WHERE {_IS_OVER}
"""
"""Which of these actions contacted nobody."""

SELECT_IS_NEW = """
SELECT activated_at > now() - $3::interval FROM plans WHERE workspace_id = $1 AND version = $2
"""
"""Whether a plan became active lately. Plans are published by the system clock."""

DELETE_OLD_CONTACTS = """
DELETE FROM contacts WHERE workspace_id = $1 AND lead_id = ANY ($2::uuid[]) AND at < $3
"""
"""What no cap counts any more."""

# An action that was handed out in an answer has no row, and one that was acknowledged may be deleted by now.
# A contact stands with more than one lead where a person came back as a new one.
SELECT_CONTACTS = f"""
SELECT DISTINCT wanted.id::text AS lead_id, contact.action_id, contact.channel,
       coalesce(action.ended_at, contact.at) AS at
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL {LEADS_OF_PERSON} AS lead
 CROSS JOIN LATERAL (
   SELECT action_id, channel, at FROM contacts
    WHERE workspace_id = $1 AND lead_id = lead.id AND at > $3
    ORDER BY at DESC LIMIT {MAX_COUNTED}
 ) AS contact
  LEFT JOIN LATERAL (
   SELECT id, lead_id, state, CASE WHEN state = 'acknowledged' THEN ended_at END AS ended_at FROM actions
    WHERE workspace_id = $1 AND id = contact.action_id LIMIT 1
 ) AS action ON true
 WHERE action.state IS NULL OR NOT {_IS_OVER}
"""
"""The contacts of persons that were made, or handed out and not reported failed."""


@dataclass(slots=True)
class PreferenceChange:
    """One act as it is written."""

    lead_id: str
    id: str
    version: int
    at: datetime
    actor: str
    details: Mapping[str, Any]


@dataclass(slots=True)
class ContactRow:
    """One contact as it is written."""

    lead_id: str
    at: datetime
    action_id: str
    channel: str


def stored_preferences(stored: str | dict[str, Any] | None) -> Preferences | None:
    """Return preferences out of their column, fetched or out of JSON. None for a person without any."""
    if stored is None:
        return None
    return from_json(orjson.loads(stored) if isinstance(stored, str) else stored)


async def write_preferences(
    connection: Connection,
    workspace_id: int,
    preferences: Mapping[str, Preferences],
    changes: Sequence[PreferenceChange],
) -> None:
    """Write what persons allow now, and the acts that led there."""
    rows = [(workspace_id, id_, orjson.dumps(each.to_json()).decode()) for id_, each in preferences.items()]
    await connection.executemany(UPDATE_PREFERENCES, rows)
    await connection.execute(INSERT_PREFERENCE_CHANGES, workspace_id, orjson.dumps(changes).decode())


async def copy_contacts(
    connection: Connection, workspace_id: int, from_ids: Sequence[str], to_id: str, now: datetime
) -> None:
    """The contacts of some leads are those of another lead of the person too."""
    await connection.execute(COPY_CONTACTS, workspace_id, list(from_ids), to_id, now - LONGEST)


async def find_answered_actions(
    connection: Connection, workspace_id: int, lead_ids: Sequence[str], now: datetime
) -> list[tuple[str, datetime, dict[str, Any]]]:
    """Return the actions of the decisions and events about some leads, as far back as a cap looks.

    Those that are known not to be executed are left out.
    """
    decided = await connection.fetch(SELECT_ANSWERS, workspace_id, list(lead_ids), now - LONGEST)
    told = await connection.fetch(SELECT_EVENT_ANSWERS, workspace_id, list(lead_ids), now - LONGEST)
    answers = [(row["lead_id"], row["decided_at"], unpack(row["response"])) for row in decided]
    answers += [(row["lead_id"], row["received_at"], row["response"]) for row in told]
    actions = [
        (lead_id, at.astimezone(UTC), action)
        for lead_id, at, body in answers
        if body
        for action in orjson.loads(body).get("actions", ())
    ]
    ids = [action["id"] for _, _, action in actions]
    ended = {row["id"] for row in await connection.fetch(SELECT_NOT_EXECUTED, workspace_id, ids)}
    return [each for each in actions if each[2]["id"] not in ended]


async def is_new_plan(connection: Connection, workspace_id: int, version: int, within: timedelta) -> bool:
    """Return whether a plan became the active one within this time."""
    return bool(await connection.fetchval(SELECT_IS_NEW, workspace_id, version, within))


async def delete_old_contacts(
    connection: Connection, workspace_id: int, lead_ids: Collection[str], now: datetime
) -> None:
    """Delete the contacts of these persons that nothing counts any more."""
    await connection.execute(DELETE_OLD_CONTACTS, workspace_id, sorted(lead_ids), now - LONGEST)


async def find_preferences(
    connection: Connection, workspace_id: int, lead_id: str
) -> tuple[bool, Preferences | None]:
    """Return whether there is such a lead, and what its person allows."""
    row = await connection.fetchrow(SELECT_PREFERENCES, workspace_id, lead_id)
    return row is not None, stored_preferences(row["preferences"]) if row is not None else None


async def find_leads_of_address(
    connection: Connection, workspace_id: int, addresses: Collection[str]
) -> dict[str, list[str]]:
    """Return the leads that have an address now, by address."""
    found: dict[str, list[str]] = {}
    kinds = [EMAIL] * len(addresses)
    for row in await connection.fetch(SELECT_LEADS_OF_ADDRESS, workspace_id, kinds, sorted(addresses)):
        found.setdefault(row["value"], []).append(row["lead_id"])
    return found


async def find_preference_changes(
    connection: Connection, workspace_id: int, lead_ids: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the acts of a person, the newest first."""
    rows = await connection.fetch(SELECT_PREFERENCE_CHANGES, workspace_id, list(lead_ids))
    return [{**row_in_utc(row), "details": orjson.loads(row["details"])} for row in rows]


async def find_contacts(
    connection: Connection, workspace_id: int, lead_ids: Collection[str], now: datetime
) -> dict[str, dict[str, Contacted]]:
    """Return the contacts of persons, by lead and by the id of the action."""
    found: dict[str, dict[str, Contacted]] = {}
    for row in await connection.fetch(SELECT_CONTACTS, workspace_id, sorted(lead_ids), now - LONGEST):
        known = row_in_utc(row)
        of_lead = found.setdefault(known["lead_id"], {})
        of_lead[known["action_id"]] = Contacted(known["channel"], known["at"])
    return found

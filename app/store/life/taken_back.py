"""Taking actions back that contact a person: they withdrew a consent, or a list has them now.

What nobody had yet is withdrawn. For what somebody has or had there is an action that cancels it. All of it
happens in the transaction of the withdrawal, under the workspace lock. A lease takes no such lock: the row
lock of an action decides which of the two comes first.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from app.engine.life.preferences import Preferences
from app.engine.model.lead_keys import EMAIL, PHONE, SuppressionKey
from app.store.connection.pool import Connection
from app.store.leads.merges import LEADS_OF_PERSON
from app.store.life.deliveries import StoredAction, lock_actions
from app.store.life.outbox import ActionRow, insert_actions

CANCEL = "cancel_task"
"""The type of the action that cancels another one."""
SUPPRESSED = "suppressed"
_UNSENT = frozenset(("waiting", "available", "dead"))
_SENT = frozenset(("leased", "acknowledged"))

_OF_PERSONS = """
SELECT wanted.id::text AS lead_id, action.id, action.contact_names
  FROM unnest($2::uuid[]) AS wanted (id)
 CROSS JOIN LATERAL {leads} AS lead
 CROSS JOIN LATERAL (
   SELECT id, contact_names FROM actions
    WHERE workspace_id = $1 AND actions.lead_id = lead.id AND {wanted}
    ORDER BY sequence DESC LIMIT 1000
 ) AS action
"""
SELECT_CONTACTING = _OF_PERSONS.format(
    leads=LEADS_OF_PERSON,
    wanted="""contact_names IS NOT NULL AND cause IS NULL
      AND state IN ('waiting', 'available', 'leased', 'pushed', 'acknowledged', 'dead')""",
)
"""The actions that contact these persons, and were not taken back."""

SELECT_CHANGING = _OF_PERSONS.format(
    leads=LEADS_OF_PERSON,
    wanted="""(state IN ('waiting', 'available', 'leased')
           OR (contact_names IS NOT NULL AND state IN ('pushed', 'acknowledged', 'dead')))""",
)
"""The actions of these persons that a commit group with a withdrawal may change."""

SELECT_STARTED_MESSAGES = """
SELECT wanted.id, message.attempts
  FROM unnest($2::text[], $3::uuid[]) AS wanted (id, lead_id)
 CROSS JOIN LATERAL (
   SELECT attempts FROM target_messages
    WHERE workspace_id = $1 AND lead_id = wanted.lead_id AND target_messages.id = wanted.id
      AND state <> 'waiting'
    ORDER BY attempts DESC LIMIT 1) AS message
"""
"""Those of these actions that some target has got, or gets at this moment, and how often they were sent."""

TAKE_BACK = """
UPDATE actions SET state = $3, cause = $4, ended_at = CASE WHEN $3 = 'withdrawn' THEN $5 ELSE ended_at END
 WHERE workspace_id = $1 AND id = $2
"""
"""An action is taken back."""

SELECT_LEADS_OF_KEYS = """
SELECT DISTINCT identity.lead_id::text AS lead_id
  FROM unnest($2::text[], $3::text[]) AS wanted (kind, value)
 CROSS JOIN LATERAL (
   SELECT lead_id FROM identities
    WHERE workspace_id = $1 AND kind = wanted.kind AND identities.value = wanted.value LIMIT 1000) AS identity
"""
"""The leads that have an address or a number now."""

# Addresses have no index by their domain. What waits is little beside all leads.
SELECT_WAITING_LEADS_OF_DOMAINS = """
SELECT DISTINCT waiting.lead_id::text AS lead_id
  FROM (
    SELECT lead_id FROM actions
     WHERE workspace_id = $1 AND state IN ('available', 'leased') AND contact_names IS NOT NULL
    UNION
    SELECT lead_id FROM actions
     WHERE workspace_id = $1 AND state = 'waiting' AND contact_names IS NOT NULL
    UNION
    SELECT lead_id FROM target_messages
     WHERE workspace_id = $1 AND state IN ('waiting', 'ready', 'dead') AND source = 'action'
    UNION
    SELECT actions.lead_id
      FROM (SELECT action_number FROM target_cursors WHERE workspace_id = $1) AS cursor
     CROSS JOIN LATERAL (
       SELECT lead_id FROM actions WHERE workspace_id = $1 AND number > cursor.action_number) AS actions
  ) AS waiting
 CROSS JOIN LATERAL (
   SELECT split_part(value, '@', 2) AS host FROM identities
    WHERE workspace_id = $1 AND identities.lead_id = waiting.lead_id AND kind = 'email') AS address
  JOIN unnest($2::text[]) AS domain (name)
    ON host = domain.name OR right(host, length(domain.name) + 1) = '.' || domain.name
"""
"""The leads with addresses at these domains and below them for which something waits to be executed."""


async def lock_in_order(connection: Connection, workspace_id: int, lead_ids: Collection[str]) -> None:
    """Lock all actions that the withdrawals of a commit group may change, before it changes any.

    An acknowledgment locks several in the order of their ids, and waits for none that comes before.
    """
    rows = await connection.fetch(SELECT_CHANGING, workspace_id, sorted(lead_ids))
    await lock_actions(connection, workspace_id, [row["id"] for row in rows])


async def take_back(
    connection: Connection, workspace_id: int, closed: Mapping[str, Preferences | None], now: datetime
) -> int:
    """Take back what contacts persons through what they have closed; where it says None, everything.

    Returns how many actions were taken back.
    """
    found = await connection.fetch(SELECT_CONTACTING, workspace_id, sorted(closed))
    causes = {
        row["id"]: cause
        for row in found
        if (cause := _cause(closed[row["lead_id"]], row["contact_names"])) is not None
    }
    if not causes:
        return 0
    actions = [
        each for each in (await lock_actions(connection, workspace_id, causes)).values() if each.cause is None
    ]
    started = await _started(connection, workspace_id, [each for each in actions if each.state == "pushed"])
    rows, cancels = [], []
    for action in actions:
        sent = action.state in _SENT or action.id in started
        if action.state in _UNSENT or (action.state == "pushed" and not started.get(action.id)):
            state = "withdrawn"
        elif sent:
            state = action.state
        else:
            continue
        rows.append((workspace_id, action.id, state, causes[action.id], now))
        if sent:
            cancels.append(_cancel(action, causes[action.id], now))
    if rows:
        await connection.executemany(TAKE_BACK, rows)
    if cancels:
        await insert_actions(connection, workspace_id, cancels)
    return len(rows)


async def take_back_suppressed(
    connection: Connection, workspace_id: int, keys: Collection[SuppressionKey], now: datetime
) -> int:
    """Take back what contacts leads that a list has from now on. Returns how many actions.

    Of a domain these are the leads for which something waits.
    """
    ids = await _leads_of(connection, workspace_id, keys)
    return await take_back(connection, workspace_id, dict.fromkeys(ids), now) if ids else 0


async def _leads_of(connection: Connection, workspace_id: int, keys: Collection[SuppressionKey]) -> set[str]:
    kinds = {"email": EMAIL, "phone": PHONE}
    exact = [(kinds[key.kind], key.value) for key in keys if key.kind in kinds]
    domains = [key.value for key in keys if key.kind == "domain"]
    ids: set[str] = set()
    if exact:
        columns = [list(column) for column in zip(*exact, strict=True)]
        rows = await connection.fetch(SELECT_LEADS_OF_KEYS, workspace_id, *columns)
        ids |= {row["lead_id"] for row in rows}
    if domains:
        rows = await connection.fetch(SELECT_WAITING_LEADS_OF_DOMAINS, workspace_id, domains)
        ids |= {row["lead_id"] for row in rows}
    return ids


async def _started(
    connection: Connection, workspace_id: int, pushed: Sequence[StoredAction]
) -> dict[str, int]:
    """How often each action was sent that some target has, or may get at this moment."""
    if not pushed:
        return {}
    ids, leads = [each.id for each in pushed], [each.lead_id for each in pushed]
    rows = await connection.fetch(SELECT_STARTED_MESSAGES, workspace_id, ids, leads)
    return {row["id"]: row["attempts"] for row in rows}


def _cause(preferences: Preferences | None, names: Iterable[str]) -> str | None:
    """Why an action is taken back."""
    if preferences is None:
        return SUPPRESSED
    acts = (preferences.consents.get(name) for name in names)
    return next((act.state for act in acts if act is not None and act.state != "granted"), None)


def _cancel(action: StoredAction, cause: str, now: datetime) -> ActionRow:
    params: dict[str, Any] = {"action_id": action.id, "code": cause}
    body = {"params": params, "due_at": None}
    return ActionRow(f"cancel.{action.id}", action.lead_id, action.assignment_id, CANCEL, body, now, now)

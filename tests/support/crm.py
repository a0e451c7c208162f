"""A workspace that hears of changes in a CRM, and what its books say then."""

import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from app.webhooks.crm_events import CrmEvent, CrmEventKind, CrmRecord
from app.webhooks.effects import Applied, Effects, EventSource, StoredEvent
from tests.support.workspace import Workspace

PLAN = """
queues:
  unrouted: {claimable_by: inbound}
  recycled: {claimable_by: inbound, crm: {hubspot: "q1", salesforce: "00G5g000000XyZa"}}
slas: {quick: {touch: 1h}}
sla_rules: [{sla: quick, when: {email: {exists: true}}}]
pipeline:
  - rule: {name: dach, when: {country: {in: [DE, AT]}}, then: {team: dach}}
  - round_robin: {team: inbound}
  - queue: {name: unrouted}
follow_up:
  - do: [{type: set_owner}, {type: task, title: "Call {lead.first_name}", due: 15m}]
"""
USERS = {"1": "ana", "2": "ben", "3": "cem", "4": "dia"}
"""The users of the CRM, and the owners that they are."""
# The turn of a killed process would end by itself, half a minute later; and so long others leave its events
# alone.
END_TURNS = "UPDATE crm_turns SET until = now() WHERE workspace_id = $1"
# What a process is writing is left alone: it locks its events in another order.
RETRY_NOW = """
UPDATE crm_inbox SET next_at = now()
 WHERE workspace_id = $1 AND ctid = ANY (ARRAY(
   SELECT ctid FROM crm_inbox
    WHERE workspace_id = $1 AND state = 'pending' AND wait_until IS NULL AND next_at > now()
      FOR UPDATE SKIP LOCKED))
"""


async def half_a_minute_later(workspace: Workspace) -> None:
    """What killed processes had begun is due again."""
    await workspace.fetch(END_TURNS)
    await workspace.fetch(RETRY_NOW)


class Crm:
    """A CRM that tells a workspace of its records by one endpoint."""

    def __init__(self, workspace: Workspace, kind: str = "hubspot", **source: Any) -> None:
        self.workspace = workspace
        self.source = EventSource(
            endpoint_id="crm", kind=kind, system=kind, **{"actors": frozenset({"app"}), **source}
        )
        self.effects = Effects(workspace.pool, workspace.app.state.dispatch)
        self._keys = itertools.count()

    def event(
        self, id_: str, fields: Mapping[str, Any] | None = None, kind: CrmEventKind = "updated", **more: Any
    ) -> CrmEvent:
        """An event of a contact, or of the `object`."""
        object_ = more.pop("object", "contact")
        others = [CrmRecord(more.pop("of", object_), each) for each in more.pop("others", ())]
        record = CrmRecord(object_, id_)
        return CrmEvent(
            str(next(self._keys)), kind, record, fields=fields or {}, others=others, **{"at": None, **more}
        )

    async def tell(self, event: CrmEvent) -> Applied:
        """Apply one event."""
        (applied,) = await self.tell_all([event])
        return applied

    async def tell_all(self, events: Sequence[CrmEvent]) -> list[Applied]:
        """Apply events of different records at once."""
        now = datetime.now().astimezone()
        stored = [StoredEvent(self.source, event, now) for event in events]
        return await self.effects.apply(self.workspace.workspace_id, stored)

    async def owner(self, id_: str, user: str | None, at: datetime, **more: Any) -> Applied:
        """A contact has another owner."""
        return await self.tell(self.event(id_, {"hubspot_owner_id": user}, at=at, **more))


@asynccontextmanager
async def open_crm(workspace: Workspace, kind: str = "hubspot", **source: Any) -> AsyncIterator[Crm]:
    """A CRM whose users are the owners ana, ben, cem and dia, and a plan."""
    await employ(workspace, kind)
    yield Crm(workspace, kind, **source)


async def employ(workspace: Workspace, kind: str) -> None:
    """Give a workspace the owners ana, ben, cem and dia, who have users in a CRM, and the plan."""
    async with workspace.edit() as edit:
        for user, owner in USERS.items():
            body = {"name": owner.title(), "crm": {kind: user}}
            await edit.put("owners", owner, body, await edit.find("owners", owner))
        members = [{"owner": owner} for owner in USERS.values()]
        for team in ("inbound", "dach"):
            await edit.put("teams", team, {"name": team, "members": members}, await edit.find("teams", team))
    await workspace.publish(PLAN)


async def books(workspace: Workspace) -> dict[str, tuple[str, str | None, str | None]]:
    """State, owner and queue of each lead, by its id in the CRM."""
    rows = await workspace.fetch(
        """SELECT DISTINCT key.value, lead.state, assignment.owner_id, assignment.queue
             FROM identities AS key
             JOIN leads AS lead ON lead.workspace_id = $1 AND lead.id = key.lead_id
             JOIN assignments AS assignment
               ON assignment.workspace_id = $1 AND assignment.id = lead.assignment_id
            WHERE key.workspace_id = $1 AND key.kind = 'crm_lead'"""
    )
    return {row["value"]: (row["state"], row["owner_id"], row["queue"]) for row in rows}


async def actions(workspace: Workspace, lead_id: str) -> list[tuple[str, str | None]]:
    """Type and owner of the actions of a lead in the outbox, in order."""
    rows = await workspace.fetch(
        """SELECT type, body #>> '{params,owner}' AS owner FROM actions
            WHERE workspace_id = $1 AND lead_id = $2 ORDER BY sequence""",
        lead_id,
    )
    return [(row["type"], row["owner"]) for row in rows]


async def findings(workspace: Workspace) -> dict[tuple[str, str], int]:
    """How often each finding came, by code and record."""
    rows = await workspace.fetch("SELECT code, record_id, count FROM crm_findings WHERE workspace_id = $1")
    return {(row["code"], row["record_id"]): row["count"] for row in rows}

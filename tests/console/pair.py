"""Two workspaces of one service, and people who look at the first one with keys of several kinds."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import httpx2
from fastapi import FastAPI

from app.keys import issue
from app.rates import UNSET_RATE, StoredRate
from app.store import api_keys
from tests.support.workspace import Filled, Workspace, create_workspace, open_filled

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
ROLES: Mapping[str, tuple[tuple[str, ...], str | None]] = {
    "admin": (("admin",), None),
    "manager": (("reports", "reports:owners", "leads:read", "claim", "directory:write"), None),
    "analyst": (("reports",), None),
    "operator": (("ops",), None),
    "reader": (("leads:read",), None),
    "planner": (("plan:write",), None),
    "sender": (("assign",), None),
    "rep": (("claim", "directory:write", "events", "leads:read"), "ana"),
    "other rep": (("claim", "events", "leads:read"), "ben"),
}
"""Who looks, by the scopes of their key, and the owner it is bound to."""
FOREIGN = ("Zoltan Elsewhere", "elsewhere-team", "elsewhere-desk", "zoltan", "far.example")
"""Names of the other workspace, which no page of the first one may show."""
INSERT_TARGET = """
WITH lead AS (
  SELECT lead_id, id FROM assignments WHERE workspace_id = $1 ORDER BY decision_number LIMIT 1
), target AS (
  INSERT INTO targets (workspace_id, id, url, types, active, max_parallel, revision, updated_at, updated_by)
  VALUES ($1, 'crm-writer', 'https://crm.near.example/hook', ARRAY['set_owner'], true, 1, 1, now(), 'test')
), action AS (
  INSERT INTO actions (workspace_id, id, lead_id, assignment_id, type, body, created_at, available_at, number,
    state, deliveries)
  SELECT $1, 'dead-' || number, lead_id, id, 'notify', '{"params": {}, "due_at": null}', now(), now(),
         1000 + number, 'dead', 20
    FROM lead CROSS JOIN generate_series(1, 2) AS number
)
INSERT INTO target_messages (workspace_id, target_id, id, type, lead_id, source, state, created_at, attempts,
  next_at, status, code, ended_at)
SELECT $1, 'crm-writer', 'message-1', 'set_owner', lead_id, 'action', 'dead', now(), 20, now(), 503, 'status',
       now()
  FROM lead
RETURNING id
"""
FOREIGN_PLAN = """
queues: {elsewhere-desk: {claimable_by: elsewhere-team}}
pipeline:
  - rule: {name: elsewhere-partners, when: {source: partner}, then: {queue: elsewhere-desk}}
  - round_robin: {team: elsewhere-team}
"""


@dataclass
class Pair:
    """The first workspace with `ids` of what is in it, the other one, and a key for each role."""

    workspace: Workspace
    other: Workspace
    keys: Mapping[str, str]
    ids: dict[str, str]
    clients: dict[str, httpx2.AsyncClient] = field(default_factory=dict)

    @property
    def app(self) -> FastAPI:
        """The service."""
        return self.workspace.app

    async def as_(self, role: str) -> httpx2.AsyncClient:
        """A browser, without its scripts, in which somebody with this role is signed in."""
        if role not in self.clients:
            self.clients[role] = await signed_in(self.app, self.keys[role])
        return self.clients[role]

    async def csrf(self, role: str) -> str:
        """The token that forms of this role's session send."""
        text = (await (await self.as_(role)).get("/console/nowhere")).text
        return text.partition('name="csrf" value="')[2].partition('"')[0]

    async def post(self, role: str, path: str, **fields: str) -> httpx2.Response:
        """What a form answers that this role sends."""
        client = await self.as_(role)
        return await client.post(path, data={"csrf": await self.csrf(role), **fields}, headers=SAME_ORIGIN)

    async def key(self, *scopes: str, rate: StoredRate = UNSET_RATE) -> str:
        """A new key of the first workspace, for tests that revoke it or use it up."""
        return await add_key(self.workspace, scopes, None, rate)


def browser_of(app: FastAPI) -> httpx2.AsyncClient:
    """A client with cookies and without a key, as a browser is."""
    transport = httpx2.ASGITransport(app=app, client=("203.0.113.9", 4321), raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://service.example", headers=SAME_ORIGIN)


async def signed_in(app: FastAPI, key: str) -> httpx2.AsyncClient:
    """The same, signed in with a key."""
    client = browser_of(app)
    answer = await client.post("/console/sign-in", data={"key": key})
    assert answer.status_code == 303, answer.text
    return client


async def add_key(
    workspace: Workspace, scopes: tuple[str, ...], owner: str | None, rate: StoredRate = UNSET_RATE
) -> str:
    key = issue("test")
    async with workspace.pool.acquire() as connection:
        await api_keys.insert_key(connection, workspace.workspace_id, key, scopes, owner, "test", rate=rate)
    return key.text()


def told_by(answer: httpx2.Response) -> tuple[str, str, list[tuple[str, str]]]:
    """What a script is told about a problem: its code, a sentence, and the faults with their places."""
    code = answer.text.partition('data-problem="')[2].partition('"')[0]
    sentence = unescape(answer.text.partition("<p>")[2].partition("</p>")[0])
    faults = re.findall(r'<p data-fault="([^"]*)">(.*?)</p>', answer.text, re.DOTALL)
    return code, sentence, [(path, unescape(text)) for path, text in faults]


@asynccontextmanager
async def open_pair(filled: Filled) -> AsyncIterator[Pair]:
    """The workspaces, each with leads that are assigned, queued and blocked."""
    async with open_filled(filled, no_worker=True) as workspace:
        other = await create_workspace(workspace.app, "elsewhere")
        await other.put("owners", "zoltan", {"name": "Zoltan Elsewhere", "email": "z@far.example"})
        await other.put(
            "teams", "elsewhere-team", {"name": "elsewhere-team", "members": [{"owner": "zoltan"}]}
        )
        await other.publish(FOREIGN_PLAN)
        for each in (workspace, other):
            await each.assign(
                email="queued@far.example" if each is other else "queued@near.example", source="partner"
            )
        assigned = await other.assign(email="a@far.example", last_name="Elsewhere")
        ids = {"foreign_lead": assigned["lead_id"], "foreign_assignment": assigned["assignment_id"]}
        ids |= await _fill(workspace)
        ids |= await _operate(workspace)
        await other.client.put("/endpoints/elsewhere-desk", json={"kind": "generic"})
        ids["this_week"] = await _this_week(workspace)
        keys = {role: await add_key(workspace, *what) for role, what in ROLES.items()}
        pair = Pair(workspace, other, keys, ids)
        try:
            yield pair
        finally:
            for client in (*pair.clients.values(), other.client):
                await client.aclose()


async def _this_week(workspace: Workspace) -> str:
    """The ISO week of the decisions."""
    (row,) = await workspace.fetch("SELECT max(decided_at) AS at FROM assignments WHERE workspace_id = $1")
    year, week, _ = row["at"].isocalendar()
    return f"{year}-W{week:02d}"


async def _operate(workspace: Workspace) -> dict[str, str]:
    """An endpoint with failures, a target with a dead message, a dead action, and a job that runs."""
    client = workspace.client
    endpoint = await client.put("/endpoints/website", json={"kind": "generic", "active": False})
    async with workspace.caller(None) as tool:
        for number in range(3):
            await tool.post(endpoint.json()["path"], json={"email": f"form{number}@near.example"})
    made = await workspace.fetch(INSERT_TARGET)
    job = await client.post("/reassign", json={"filter": {"owner": "ben"}, "reason": "Ben moves on"})
    return {"job": job.json()["job_id"], "dead_message": made[0]["id"]}


async def _fill(workspace: Workspace) -> dict[str, str]:
    """A lead of ana with markup in its name, one of ben, and one that is blocked; their ids by owner."""
    ids: dict[str, str] = {}
    for number in range(8):
        lead: dict[str, Any] = {"email": f"p{number}@near.example", "last_name": '<img src=x hx-get="/x">'}
        told = await workspace.assign(**lead)
        owner = told["owner"]["id"]
        ids.setdefault(f"lead_of_{owner}", told["lead_id"])
        ids.setdefault(f"assignment_of_{owner}", told["assignment_id"])
    await workspace.assign(email="student@near.example", lead_type="student")
    return ids

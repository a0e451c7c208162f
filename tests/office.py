"""The whole service inside the test's own process, with a workspace that has people and a plan."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import orjson
import yaml
from fastapi import FastAPI

from app.directory.editing import DirectoryEdit, edit_directory
from app.engine.compile.plan import Strategy
from app.keys import issue
from app.main import create_app
from app.registry import strategies as installed
from app.settings import Settings
from app.store import workspaces
from app.store.connection.pool import Pool

OWNERS: dict[str, dict[str, Any]] = {
    "ana": {
        "name": "Ana",
        "email": "ana@us.example",
        "skills": ["enterprise"],
        "crm": {"salesforce": "005A"},
    },
    "ben": {"name": "Ben", "email": "ben@us.example"},
    "eve": {"name": "Eve", "email": "eve@us.example", "caps": {"per_day": 4, "open": 3}},
}
TEAMS: dict[str, dict[str, Any]] = {
    "inbound": {
        "name": "Inbound",
        "members": [{"owner": "ana", "weight": 2}, {"owner": "ben"}, {"owner": "eve"}],
    },
    "dach": {"name": "DACH", "members": [{"owner": "ana", "caps": {"open": 2}}, {"owner": "ben"}]},
}
PLAN = """
queues: {partner-desk: {claimable_by: inbound}, unrouted: {claimable_by: inbound}}
paths:  {newsletter: {accountable: {team: inbound}}}
returning_leads: {window: 90d, duplicate_window: 10m}
pipeline:
  - rule: {name: students, when: {lead_type: student}, then: {block: students}}
  - rule: {name: partners, when: {source: partner}, then: {queue: partner-desk, priority: 50}}
  - rule: {name: small, when: {employees: {lt: 5}, lead_type: content}, then: {path: newsletter}}
  - rule:
      name: dach
      when: {all: [{country: {in: [DE, AT]}}, {not: {lead_type: support}}, {email: {contains: example}}]}
      then: {team: dach, pick: least_loaded, skills: [enterprise], else: [{team: inbound}]}
  - round_robin: {team: inbound}
  - queue: {name: unrouted}
follow_up:
  - {when: {team: inbound}, do: [{type: task, title: "Call {lead.first_name} now", due: 15m}]}
"""


@dataclass(frozen=True)
class Office:
    """A running service and one workspace of it; `client` may do everything there."""

    app: FastAPI
    pool: Pool
    workspace_id: int
    client: httpx2.AsyncClient

    @asynccontextmanager
    async def edit(self) -> AsyncIterator[DirectoryEdit]:
        """A change of the directory or the plan, behind the gate."""
        async with edit_directory(self.pool, self.workspace_id, "test") as edit:
            yield edit

    async def put(self, resource_type: str, id_: str, body: Mapping[str, Any]) -> None:
        """Make a record what `body` says."""
        async with self.edit() as edit:
            await edit.put(resource_type, id_, body, await edit.find(resource_type, id_))

    async def publish(self, text: str) -> None:
        """Make this plan the active one."""
        async with self.edit() as edit:
            edit.plan_version += 1
            await edit.connection.execute(
                "INSERT INTO plans (workspace_id, version, document, source_text, author, created_at)"
                " VALUES ($1, $2, $3, $4, 'test', now())",
                self.workspace_id,
                edit.plan_version,
                orjson.dumps(yaml.safe_load(text)).decode(),
                text,
            )
            await edit.log("plans", str(edit.plan_version), "publish", None, None)

    async def assign(self, **lead: Any) -> dict[str, Any]:
        """What `POST /assign` answers to a lead with these fields."""
        answer = await self.client.post("/assign", json={"lead": lead})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def get(self, url: str) -> dict[str, Any]:
        """What a route answers that must answer."""
        answer = await self.client.get(url)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def key(self, *scopes: str) -> str:
        """A new key with these scopes."""
        return await issued(self.pool, self.workspace_id, *scopes)

    def caller(self, key: str | None) -> httpx2.AsyncClient:
        """A client with another key, or with none."""
        return client_of(self.app, key)


def client_of(app: FastAPI, key: str | None) -> httpx2.AsyncClient:
    """A client that calls the app directly."""
    transport = httpx2.ASGITransport(app=app, client=("203.0.113.9", 4321), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx2.AsyncClient(transport=transport, base_url="http://service.example", headers=headers)


async def issued(pool: Pool, workspace_id: int, *scopes: str) -> str:
    """A new key of a workspace."""
    key = issue("test")
    await pool.execute(
        "INSERT INTO api_keys (id, workspace_id, secret_hash, scopes, label) VALUES ($1, $2, $3, $4, 'test')",
        key.id,
        workspace_id,
        key.secret_hash(),
        list(scopes),
    )
    return key.text()


async def make_office(app: FastAPI, name: str) -> Office:
    """A new workspace of a running app, with the usual people and plan."""
    pool: Pool = app.state.pool
    async with pool.acquire() as connection:
        workspace = await workspaces.create(connection, name)
    office = Office(app, pool, workspace.id, client_of(app, await issued(pool, workspace.id, "admin")))
    async with office.edit() as edit:
        for id_, body in OWNERS.items():
            await edit.put("owners", id_, body, None)
        for id_, body in TEAMS.items():
            await edit.put("teams", id_, body, None)
    await office.publish(PLAN)
    return office


@asynccontextmanager
async def running(
    dsn: str, strategies: Mapping[str, Strategy] | None = None, **settings: Any
) -> AsyncIterator[FastAPI]:
    """The app with its pool open, in production; `strategies` come on top of the installed ones.

    A busy machine times out no request: a test of timeouts sets its own.
    """
    offered = {**installed(), **(strategies or {})}
    settings = {"request_timeout_seconds": 30.0, **settings}
    app = create_app(Settings(env="production", database_url=dsn, **settings), offered)
    async with app.router.lifespan_context(app):
        yield app


@asynccontextmanager
async def open_office(
    dsn: str, name: str = "office", strategies: Mapping[str, Strategy] | None = None, **settings: Any
) -> AsyncIterator[Office]:
    """A running app with one workspace."""
    async with running(dsn, strategies, **settings) as app:
        office = await make_office(app, name)
        async with office.client:
            yield office

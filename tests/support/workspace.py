"""A workspace under test, of a service in the test's own process or in processes of its own."""

import itertools
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

import httpx2
import orjson
import yaml
from fastapi import FastAPI
from pydantic import SecretStr

from app.directory.editing import DirectoryEdit, edit_directory
from app.engine.compile.plan import Strategy
from app.keys import issue
from app.main import create_app
from app.metrics.label_names import LabelNames
from app.settings import Settings
from app.store import clocks, workspaces
from app.store.connection.pool import Pool, open_pool, transaction
from app.store.life.agenda import Agenda, read_agenda
from tests.support.factories import OWNERS, PLAN, ROUND_ROBIN_PLAN, TEAM, TEAMS, team
from tests.support.installed import installed
from tests.support.processes import PATIENCE

PUBLISH = """
INSERT INTO plans
  (workspace_id, version, document, source_text, author, created_at, activated_at, label_names)
VALUES ($1, $2, $3, $4, 'test', now(), now(), $5)
"""
SECRETS_KEY = SecretStr("dGVzdHMgdGVzdHMgdGVzdHMgdGVzdHMgdGVzdHMgdGU=")
NOON = datetime(2030, 11, 20, 12, tzinfo=UTC)
SELECT_COLUMNS = """
SELECT coalesce(string_agg(', ' || quote_ident(attname), '' ORDER BY attnum), '') FROM pg_attribute
WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'workspace_id'
"""
ADD_KEY = """
INSERT INTO api_keys (id, workspace_id, secret_hash, scopes, label) VALUES ($1, $2, $3, $4, 'test')
"""


def _label_names(document: Mapping[str, Any], teams: Iterable[str]) -> LabelNames:
    steps = [step for step in document.get("pipeline", ()) if isinstance(step, Mapping)]
    configs = [(strategy, config or {}) for step in steps for strategy, config in step.items()]
    return LabelNames().renewed(
        steps=[config.get("name", strategy) for strategy, config in configs if isinstance(config, Mapping)],
        teams=sorted(teams),
        reasons=document.get("reject_reasons") or (),
        queues=document.get("queues") or (),
    )


def _read(plan: str) -> Any:
    return yaml.load(plan, Loader=yaml.CSafeLoader)  # five times as fast as `safe_load`


@dataclass(frozen=True)
class Workspace:
    """One workspace, a key that may do everything in it, and a way to the stored data beside the service."""

    pool: Pool
    workspace_id: int
    key: str
    running_app: FastAPI | None = None
    in_process: httpx2.AsyncClient | None = None

    @property
    def app(self) -> FastAPI:
        """The service, where it runs in this process."""
        assert self.running_app is not None
        return self.running_app

    @property
    def client(self) -> httpx2.AsyncClient:
        """A client of the service in this process, with the workspace's key."""
        assert self.in_process is not None
        return self.in_process

    @asynccontextmanager
    async def edit(self) -> AsyncIterator[DirectoryEdit]:
        """A change of the directory or the plan, under the workspace lock."""
        async with edit_directory(self.pool, self.workspace_id, "test") as edit:
            yield edit

    async def put(self, resource_type: str, id_: str, body: Mapping[str, Any]) -> None:
        """Create or replace a record."""
        async with self.edit() as edit:
            await edit.put(resource_type, id_, body, await edit.find(resource_type, id_))

    async def start_at_noon(self) -> datetime:
        """Let the workspace's time start at a noon, so that no test crosses midnight. Returns that noon."""
        async with self.pool.acquire() as connection:
            await clocks.set_clock(connection, self.workspace_id, NOON, speed=1)
        return NOON

    async def team(self, weights: Sequence[float], **owner: Any) -> None:
        """A team of owners `rep0`, `rep1`, …, each with the fields of `owner`."""
        async with self.edit() as edit:
            for number in range(len(weights)):
                await edit.put("owners", f"rep{number}", {"name": f"Rep {number}", **owner}, None)
            await edit.put("teams", TEAM, team(weights), None)

    async def publish(self, plan: str | Mapping[str, Any] = ROUND_ROBIN_PLAN) -> int:
        """Make this plan the active one; the number of its version."""
        document, text = (_read(plan), plan) if isinstance(plan, str) else (plan, "")
        async with self.edit() as edit:
            edit.plan_version += 1
            version, body = edit.plan_version, orjson.dumps(document).decode()
            names = orjson.dumps(_label_names(document, edit.snapshot.directory.teams).to_json()).decode()
            await edit.connection.execute(PUBLISH, self.workspace_id, version, body, text, names)
            await edit.log("plans", str(version), "publish", None, None)
            return version

    async def assign(self, **lead: Any) -> dict[str, Any]:
        """The decision that `POST /assign` returns for a lead with these fields."""
        answer = await self.client.post("/assign", json={"lead": lead})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def get(self, url: str) -> dict[str, Any]:
        """The body of a route that must succeed."""
        answer = await self.client.get(url)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def fetch(self, query: str, *arguments: object) -> list[Any]:
        """Rows of the database as its superuser sees them; `$1` is the workspace."""
        return list(await self.pool.fetch(query, self.workspace_id, *arguments))

    async def agenda(self) -> Agenda:
        """What may be due, as a worker sees it."""
        async with transaction(self.pool, self.workspace_id, read_only=True) as connection:
            return await read_agenda(connection, self.workspace_id)

    async def issue_key(self, *scopes: str) -> str:
        """A new key with these scopes."""
        return await issue_key(self.pool, self.workspace_id, *scopes)

    def caller(self, key: str | None) -> httpx2.AsyncClient:
        """A client of the service in this process with another key, or with none."""
        return client_of(self.app, key)

    @asynccontextmanager
    async def connect(self, url: str, **options: Any) -> AsyncIterator[httpx2.AsyncClient]:
        """A client of a service process, with the workspace's key.

        The calls are not encrypted: reading the trusted authorities would take longer than most calls.
        """
        headers = {"Authorization": f"Bearer {self.key}"}
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=64)
        async with httpx2.AsyncClient(
            base_url=url, headers=headers, timeout=PATIENCE, limits=limits, verify=False, **options
        ) as client:
            yield client


class Filled(NamedTuple):
    """A database that holds the usual workspace, and what that is opened with."""

    dsn: str
    workspace_id: int
    key: str


def client_of(app: FastAPI, key: str | None) -> httpx2.AsyncClient:
    """A client that calls the app directly."""
    transport = httpx2.ASGITransport(app=app, client=("203.0.113.9", 4321), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx2.AsyncClient(transport=transport, base_url="http://service.example", headers=headers)


async def issue_key(pool: Pool, workspace_id: int, *scopes: str) -> str:
    """A new key of a workspace."""
    key = issue("test")
    await pool.execute(ADD_KEY, key.id, workspace_id, key.secret_hash(), list(scopes))
    return key.text()


async def empty_workspace(pool: Pool, name: str) -> Workspace:
    """A new workspace without owners or a plan, for service processes."""
    async with pool.acquire() as connection:
        made = await workspaces.create_workspace(connection, name)
    return Workspace(pool, made.id, await issue_key(pool, made.id, "admin"))


async def create_workspace(app: FastAPI, name: str) -> Workspace:
    """A new workspace of a running app, with the usual owners, teams and plan."""
    empty = await empty_workspace(app.state.pool, name)
    workspace = replace(empty, running_app=app, in_process=client_of(app, empty.key))
    async with workspace.edit() as edit:
        for id_, body in OWNERS.items():
            await edit.put("owners", id_, body, None)
        for id_, body in TEAMS.items():
            await edit.put("teams", id_, body, None)
    await workspace.publish(PLAN)
    return workspace


class Copies:
    """New workspaces of a running app, copied from one: that takes a tenth of the time of making it."""

    def __init__(self, app: FastAPI, original: Workspace, statement: str) -> None:
        self._app, self._original, self._statement = app, original, statement
        self._numbers = itertools.count(1)

    @classmethod
    async def of_usual_workspace(cls, app: FastAPI) -> Self:
        """Create the workspace that is copied."""
        original = await create_workspace(app, "original")
        await original.client.aclose()
        copied: dict[str, str] = {}
        for table in workspaces.TABLES:
            if await original.fetch(f"SELECT FROM {table} WHERE workspace_id = $1 LIMIT 1"):
                copied[table] = await original.pool.fetchval(SELECT_COLUMNS, table)
        return cls(app, original, _copying(copied))

    async def make(self) -> Workspace:
        """A new workspace with a key of its own."""
        key = issue("test")
        id_ = await self._original.pool.fetchval(
            self._statement,
            self._original.workspace_id,
            f"workspace-{next(self._numbers)}",
            key.id,
            key.secret_hash(),
        )
        text = key.text()
        return Workspace(self._original.pool, id_, text, self._app, client_of(self._app, text))


def _copying(tables: Mapping[str, str]) -> str:
    """Copies the rows of these tables, given their columns, and gives the copy a key."""
    parts = [
        "made AS (INSERT INTO workspaces (name, timezone)"
        " SELECT $2, timezone FROM workspaces WHERE id = $1 RETURNING id AS made_id)",
        "made_key AS (INSERT INTO api_keys (id, workspace_id, secret_hash, scopes, label)"
        " SELECT $3, made_id, $4, '{admin}', 'test' FROM made)",
    ]
    for table, columns in tables.items():
        parts.append(
            f"copied_{table} AS (INSERT INTO {table} (workspace_id{columns})"
            f" SELECT made_id{columns} FROM {table}, made WHERE workspace_id = $1)"
        )
    return f"WITH {', '.join(parts)} SELECT made_id FROM made"


@asynccontextmanager
async def running_app(
    dsn: str, strategies: Mapping[str, Strategy] | None = None, **settings: Any
) -> AsyncIterator[FastAPI]:
    """The app with its pool open, in production by default; `strategies` come on top of the installed ones.

    A busy machine times out no request: a test of timeouts sets its own. A worker runs where a test sets its
    interval, or wants it; elsewhere its statements would cost more than most tests.
    """
    offered = {**installed(), **(strategies or {})}
    settings = {
        "env": "production",
        "request_timeout_seconds": 30.0,
        "secrets_key": SECRETS_KEY,
        "no_worker": "worker_interval_seconds" not in settings,
        **settings,
    }
    app = create_app(Settings(database_url=dsn, **settings), offered)
    async with app.router.lifespan_context(app):
        yield app


@asynccontextmanager
async def open_workspace(
    dsn: str, name: str = "workspace", strategies: Mapping[str, Strategy] | None = None, **settings: Any
) -> AsyncIterator[Workspace]:
    """A workspace of an app that runs in this process."""
    async with running_app(dsn, strategies, **settings) as app:
        workspace = await create_workspace(app, name)
        async with workspace.client:
            yield workspace


async def fill_with_workspace(dsn: str) -> Filled:
    """Create the usual workspace in a database that is cloned later."""
    # A worker would note when it last looked, which in a clone would be too long ago.
    async with running_app(dsn, no_worker=True) as app:
        workspace = await create_workspace(app, "workspace")
        await workspace.client.aclose()
        return Filled(dsn, workspace.workspace_id, workspace.key)


@asynccontextmanager
async def open_filled(filled: Filled, **settings: Any) -> AsyncIterator[Workspace]:
    """The usual workspace of an app that runs in this process; much sooner there than a new one."""
    async with running_app(filled.dsn, **settings) as app, client_of(app, filled.key) as client:
        yield Workspace(app.state.pool, filled.workspace_id, filled.key, app, client)


@asynccontextmanager
async def stored_workspace(
    dsn: str, weights: Sequence[float] = (), name: str = "example", **owner: Any
) -> AsyncIterator[Workspace]:
    """A workspace for service processes: with a team of these weights and the round-robin plan, or empty."""
    pool = await open_pool(dsn, size=8, pgbouncer=False, request_seconds=30)
    try:
        workspace = await empty_workspace(pool, name)
        if weights:
            await workspace.team(weights, **owner)
            await workspace.publish()
        yield workspace
    finally:
        await pool.close()

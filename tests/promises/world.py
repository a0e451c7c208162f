"""A workspace set up for a test, its callers, and their patience."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import orjson

from app.directory.editing import DirectoryEdit, edit_directory
from app.keys import issue
from app.store import workspaces
from app.store.connection.pool import Pool, open_pool
from tests.processes import Service

PATIENCE = 60.0
TEAM = "inbound"
PLAN: dict[str, Any] = {
    "queues": {"unrouted": {"claimable_by": TEAM}},
    "pipeline": [{"round_robin": {"team": TEAM}}, {"queue": {"name": "unrouted"}}],
    "follow_up": [{"do": [{"type": "task", "title": "Call {lead.first_name} now", "due": "15m"}]}],
}
Answer = dict[str, Any]


@dataclass(frozen=True)
class World:
    """A workspace, the key to it, and a way into its database that is not the service's."""

    dsn: str
    pool: Pool
    workspace_id: int
    key: str

    @asynccontextmanager
    async def edit(self) -> AsyncIterator[DirectoryEdit]:
        """A change of the directory or the plan, behind the gate."""
        async with edit_directory(self.pool, self.workspace_id, "test") as edit:
            yield edit

    async def team(self, weights: Sequence[float], **owner: Any) -> None:
        """A team of owners `rep0`, `rep1`, …, who all are as `owner` says."""
        async with self.edit() as edit:
            for number in range(len(weights)):
                await edit.put("owners", f"rep{number}", {"name": f"Rep {number}", **owner}, None)
            members = [{"owner": f"rep{at}", "weight": weight} for at, weight in enumerate(weights)]
            await edit.put("teams", TEAM, {"name": "Inbound", "members": members}, None)

    async def publish(self, document: Mapping[str, Any] = PLAN) -> int:
        """The next version of the plan, active at once."""
        async with self.edit() as edit:
            edit.plan_version += 1
            await edit.connection.execute(
                "INSERT INTO plans (workspace_id, version, document, source_text, author, created_at)"
                " VALUES ($1, $2, $3, '', 'test', now())",
                self.workspace_id,
                edit.plan_version,
                orjson.dumps(document).decode(),
            )
            await edit.log("plans", str(edit.plan_version), "publish", None, None)
            return edit.plan_version

    @asynccontextmanager
    async def caller(self, url: str, **options: Any) -> AsyncIterator[httpx2.AsyncClient]:
        """A client with this workspace's key."""
        headers = {"Authorization": f"Bearer {self.key}"}
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=64)
        async with httpx2.AsyncClient(
            base_url=url, headers=headers, timeout=PATIENCE, limits=limits, **options
        ) as client:
            yield client

    async def fetch(self, query: str, *arguments: object) -> list[Any]:
        """Rows of the database as its superuser sees them; `$1` is the workspace."""
        return list(await self.pool.fetch(query, self.workspace_id, *arguments))


@asynccontextmanager
async def world(
    dsn: str, weights: Sequence[float] = (), name: str = "example", **owner: Any
) -> AsyncIterator[World]:
    """A workspace with a team of these weights and the usual plan."""
    pool = await open_pool(dsn, size=8, pgbouncer=False)
    try:
        made = await make(dsn, pool, name)
        if weights:
            await made.team(weights, **owner)
            await made.publish()
        yield made
    finally:
        await pool.close()


@asynccontextmanager
async def callers(at: World, running: Sequence[Service]) -> AsyncIterator[list[httpx2.AsyncClient]]:
    """One client for each process."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(at.caller(service.url)) for service in running]


async def make(dsn: str, pool: Pool, name: str) -> World:
    """An empty workspace and a key to it."""
    async with pool.acquire() as connection:
        workspace = await workspaces.create(connection, name)
        key = issue("test")
        await connection.execute(
            "INSERT INTO api_keys (id, workspace_id, secret_hash, scopes, label)"
            " VALUES ($1, $2, $3, $4, 'test')",
            key.id,
            workspace.id,
            key.secret_hash(),
            ["admin"],
        )
    return World(dsn, pool, workspace.id, key.text())


def lead(number: int | str, **fields: Any) -> dict[str, Any]:
    """A body for `/assign`: a person nobody has seen."""
    return {"lead": {"external_id": f"lead-{number}", "email": f"p{number}@people.example", **fields}}


def keyed(key: str | None) -> dict[str, str]:
    """The header for an idempotency key."""
    return {"Idempotency-Key": key} if key else {}


async def insist(client: httpx2.AsyncClient, body: Mapping[str, Any], key: str | None = None) -> Answer:
    """Post to `/assign` with the same key until it is answered: neither 503 nor a lost connection."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            response = await client.post("/assign", json=body, headers=keyed(key))
        except httpx2.TransportError:
            await asyncio.sleep(0.02)
            continue
        if response.status_code != 503:
            assert response.status_code in {200, 201}, response.text
            return _object(response)
        await asyncio.sleep(0.02)
    raise AssertionError("nobody answered")


async def insist_on_all(
    clients: Sequence[httpx2.AsyncClient],
    bodies: Iterable[tuple[str | None, Mapping[str, Any]]],
    at_once: int,
) -> list[Answer]:
    """Post all (key, body), so many at once, over these clients in turn; answers in the same order."""
    waiting = list(enumerate(bodies))[::-1]
    answers: dict[int, Answer] = {}

    async def work(client: httpx2.AsyncClient) -> None:
        while waiting:
            at, (key, body) = waiting.pop()
            answers[at] = await insist(client, body, key)

    await asyncio.gather(*(work(clients[number % len(clients)]) for number in range(at_once)))
    return [answers[at] for at in sorted(answers)]


def _object(response: httpx2.Response) -> Answer:
    answer = response.json()
    assert isinstance(answer, dict)
    return answer

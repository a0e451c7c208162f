"""Endpoints of forms, and what is sent to them."""

import asyncio
from typing import Any

import httpx2

from tests.support.workspace import Workspace


async def form(workspace: Workspace, kind: str = "generic", id_: str = "web", **fields: Any) -> str:
    """The path of a new endpoint."""
    answer = await workspace.client.put(f"/endpoints/{id_}", json={"kind": kind, **fields})
    assert answer.status_code in {200, 201}, answer.text
    return str(answer.json()["path"])


async def post(workspace: Workspace, path: str, body: Any, **headers: str) -> httpx2.Response:
    """The answer to a delivery by somebody without a key: JSON, or bytes as they are."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with workspace.caller(None) as tool:
        if isinstance(body, bytes):
            return await tool.post(path, content=body, headers=sent)
        return await tool.post(path, json=body, headers=sent)


async def settled(workspace: Workspace) -> None:
    """Waits until nothing that came is pending."""
    for _ in range(200):
        waiting = "SELECT FROM crm_inbox WHERE workspace_id = $1 AND state = 'pending'"
        if not await workspace.fetch(waiting):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the inbox does not become empty")


async def leads(workspace: Workspace) -> list[dict[str, Any]]:
    """The leads, in the order in which they came, each with its fields."""
    rows = await workspace.fetch(
        "SELECT lead_id::text AS id FROM assignments WHERE workspace_id = $1 AND cause = 'assign'"
        " ORDER BY decision_number"
    )
    return [await workspace.get(f"/leads/{row['id']}") for row in rows]

"""Bulk jobs in tests: wait for one, and read all of its results."""

import asyncio
import time
from typing import Any

import httpx2

from tests.support.processes import PATIENCE


async def finished(client: httpx2.AsyncClient, job_id: str) -> dict[str, Any]:
    """The job once it is done, with all its items."""
    until = time.monotonic() + PATIENCE
    while (job := (await client.get(f"/jobs/{job_id}")).json())["state"] == "running":
        assert time.monotonic() < until
        await asyncio.sleep(0.02)
    return await whole(client, job)


async def whole(client: httpx2.AsyncClient, job: dict[str, Any]) -> dict[str, Any]:
    """The job with the items of all pages."""
    items, following = list(job["items"]), job["next"]
    while following is not None:
        page = (await client.get(f"/jobs/{job['job_id']}", params={"after": following})).json()
        items, following = [*items, *page["items"]], page["next"]
    return {**job, "items": items, "next": None}

"""Callers of service processes. They retry until there is a response."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2

from tests.support.factories import keyed
from tests.support.processes import PATIENCE, Service
from tests.support.workspace import Workspace

Answer = dict[str, Any]


@asynccontextmanager
async def callers(
    workspace: Workspace, running: Sequence[Service]
) -> AsyncIterator[list[httpx2.AsyncClient]]:
    """One client for each process."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(workspace.connect(service.url)) for service in running]


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
            index, (key, body) = waiting.pop()
            answers[index] = await insist(client, body, key)

    await asyncio.gather(*(work(clients[number % len(clients)]) for number in range(at_once)))
    return [answers[index] for index in sorted(answers)]


def _object(response: httpx2.Response) -> Answer:
    answer = response.json()
    assert isinstance(answer, dict)
    return answer

"""New connections are taken many at a time, however slow the turns of the event loop are."""

import asyncio
import socket

import pytest
import uvloop

from app.api.http.listeners import CONNECTIONS_PER_TURN, listen_more

CALLERS = 4 * CONNECTIONS_PER_TURN


@pytest.mark.parametrize(("more", "turns"), [(True, range(1, 12)), (False, range(CALLERS, 4 * CALLERS))])
def test_many_callers_who_connect_at_once_are_taken_in_a_few_turns(more: bool, turns: range) -> None:
    async def count_turns() -> int:
        loop, made = asyncio.get_running_loop(), 0

        class Caller(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                nonlocal made
                made += 1

        server = await loop.create_server(Caller, "127.0.0.1", 0, backlog=CALLERS)
        servers = [server, *(await listen_more(server.sockets, Caller, CALLERS) if more else [])]
        callers = [socket.create_connection(server.sockets[0].getsockname()[:2]) for _ in range(CALLERS)]
        passed = 0
        while made < CALLERS:
            await asyncio.sleep(0)
            passed += 1
        for each in servers:
            each.close()
        for caller in callers:
            caller.close()
        return passed

    assert uvloop.run(count_turns()) in turns

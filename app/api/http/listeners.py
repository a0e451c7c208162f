"""Takes connections faster: of each listening socket, the event loop takes one in a turn."""

import asyncio
from collections.abc import Callable, Sequence
from socket import socket

CONNECTIONS_PER_TURN = 16
"""New connections that are taken in one turn of the event loop. Each has its price, and others wait."""


async def listen_more(
    sockets: Sequence[socket], make_protocol: Callable[[], asyncio.Protocol], backlog: int
) -> list[asyncio.Server]:
    """Listen on more descriptors of each of these listening sockets.

    libuv, since version 1.45, takes one connection of a descriptor in a turn. With slow turns, new callers
    would wait longer for that than for their decision, or for a refusal.
    """
    loop = asyncio.get_running_loop()
    return [
        await loop.create_server(make_protocol, sock=each.dup(), backlog=backlog)
        for each in sockets
        for _ in range(CONNECTIONS_PER_TURN - 1)
    ]

"""Sends HTTP requests over keep-alive connections. The client must cost less than the server."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast


@dataclass(slots=True)
class RunTimes:
    """The times of a run in seconds: in total, and of each request."""

    seconds: float = 0.0
    each: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.each) / self.seconds

    def percentile(self, share: float) -> float:
        """The latency in milliseconds at this percentile, given as a share."""
        ordered = sorted(self.each)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


class Connection(asyncio.Protocol):
    """One connection. Sends a request and returns the status and the body of the response."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)  # that of uvloop is not a subclass

    def data_received(self, data: bytes) -> None:
        """Collect until the response is complete. All our responses have a Content-Length."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[:end]).lower()
        start = head.index(b"content-length:") + 15
        length = int(head[start : head.find(b"\r", start) if b"\r" in head[start:] else None])
        if len(self._buffer) >= end + 4 + length and self._waiting is not None and not self._waiting.done():
            body = bytes(self._buffer[end + 4 : end + 4 + length])
            del self._buffer[: end + 4 + length]
            waiting, self._waiting = self._waiting, None
            waiting.set_result((int(head[9:12]), body))

    def connection_lost(self, error: Exception | None) -> None:
        """Fail the request under way."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error or ConnectionResetError("closed by the server"))

    def ask(self, request: bytes) -> asyncio.Future[tuple[int, bytes]]:
        """Send a request. Await its response before the next one."""
        self._waiting = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._waiting


def post(path: str, body: bytes, key: str = "dev-key") -> bytes:
    """The bytes of a POST request with a JSON body."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def run(port: int, connections: int, requests: int, make: Callable[[int], bytes]) -> RunTimes:
    """`requests` requests over `connections` connections, each sending its next after a response."""
    times = RunTimes()
    numbers = iter(range(requests))
    loop = asyncio.get_running_loop()
    opened = [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(connections)]
    begun = time.perf_counter()
    await asyncio.gather(*(_client(connection, numbers, make, times) for connection in opened))
    times.seconds = time.perf_counter() - begun
    for connection in opened:
        connection.transport.close()
    return times


async def at_rate(
    port: int, connections: int, rate: float, requests: int, make: Callable[[int], bytes]
) -> RunTimes:
    """`requests` requests, `rate` of them a second. The time of each counts from when it was due."""
    times = RunTimes()
    loop = asyncio.get_running_loop()
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(connections):
        free.put_nowait((await loop.create_connection(Connection, "127.0.0.1", port))[1])
    begun = time.perf_counter()

    async def send(number: int, due: float) -> None:
        connection = await free.get()
        status, _ = await connection.ask(make(number))
        free.put_nowait(connection)
        times.each.append(time.perf_counter() - due)
        times.statuses[status] = times.statuses.get(status, 0) + 1

    async with asyncio.TaskGroup() as sending:
        for number in range(requests):
            due = begun + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            sending.create_task(send(number, due))
    times.seconds = time.perf_counter() - begun
    while not free.empty():
        free.get_nowait().transport.close()
    return times


async def _client(
    connection: Connection, numbers: Iterator[int], make: Callable[[int], bytes], times: RunTimes
) -> None:
    for number in numbers:
        request = make(number)
        begun = time.perf_counter()
        status, _ = await connection.ask(request)
        times.each.append(time.perf_counter() - begun)
        times.statuses[status] = times.statuses.get(status, 0) + 1

"""A receiver of webhooks on this machine, which checks signatures and answers as it is told."""

import asyncio
import base64
import hashlib
import hmac
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.support.processes import PATIENCE

OK = (200, b"")
Answer = tuple[int, bytes]
"""A status, and further header lines."""


@dataclass(frozen=True)
class Received:
    """One request that the receiver got, and when."""

    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def id(self) -> str:
        """The id of the message."""
        return self.headers["webhook-id"]

    @property
    def timestamp(self) -> int:
        """When the attempt was made, in seconds."""
        return int(self.headers["webhook-timestamp"])

    @property
    def document(self) -> dict[str, Any]:
        """The message."""
        return dict(orjson.loads(self.body))

    def signed_with(self, secret: str) -> bool:
        """Whether one of the signatures is of this secret."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        text = f"{self.id}.{self.timestamp}.".encode() + self.body
        wanted = b"v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest())
        return wanted.decode() in self.headers["webhook-signature"].split(" ")


@dataclass
class Receiver:
    """Keeps what it got. `answer` decides about each request; None lets it hang."""

    answer: Callable[[Received], Answer | None] = lambda _: OK
    got: list[Received] = field(default_factory=list)
    port: int = 0
    calls: int = 0
    most_calls: int = 0
    scheme: str = "http"
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{self.scheme}://127.0.0.1:{self.port}/in"

    @property
    def ids(self) -> list[str]:
        """The ids of what it got."""
        return [each.id for each in self.got]

    async def until(self, condition: Callable[[list[Received]], bool]) -> list[Received]:
        """What it got, as soon as the condition holds."""
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(lambda: condition(self.got))
        return list(self.got)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection with one request."""
        self.calls += 1
        self.most_calls = max(self.most_calls, self.calls)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode().split("\r\n")[1:-2]
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            body = await reader.readexactly(int(headers["content-length"]))
            received = Received(headers, body, time.monotonic())
            async with self._changed:
                self.got.append(received)
                self._changed.notify_all()
            answer = self.answer(received)
            if answer is None:
                await reader.read()
                return
            status, more = answer
            writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n%b\r\n" % (status, more))
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.calls -= 1
            writer.close()


@asynccontextmanager
async def receiving(
    answer: Callable[[Received], Answer | None] = lambda _: OK, context: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    """A receiver that runs."""
    receiver = Receiver(answer, scheme="https" if context else "http")
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=context)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()

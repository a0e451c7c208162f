"""A service on this machine that answers GET over HTTPS, and knows what it was asked."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from app.outbox.safe_http import AllowedHosts, SafeHttp
from tests.support.tls import tls_of

HOST = "data.firms.example"


@dataclass(frozen=True)
class Asked:
    """One request."""

    path: str
    headers: Mapping[str, str]


Answer = tuple[int, Any] | tuple[int, Any, str]
"""A status, a document or bytes, and further header lines."""


@dataclass
class Service:
    """`answer` decides about each request; None lets it hang."""

    answer: Callable[[Asked], Answer | None]
    asked: list[Asked] = field(default_factory=list)
    port: int = 0

    @property
    def base(self) -> str:
        """Where it is called."""
        return f"https://{HOST}:{self.port}"

    @property
    def paths(self) -> list[str]:
        """What it was asked."""
        return [each.path for each in self.asked]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection with one request."""
        try:
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            asked = Asked(first.split(" ")[1], headers)
            self.asked.append(asked)
            answer = self.answer(asked)
            if answer is None:
                await reader.read()
                return
            status, document, *more = answer
            body = document if isinstance(document, bytes) else orjson.dumps(document)
            head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{''.join(more)}\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def answering(answer: Callable[[Asked], Answer | None], http: SafeHttp) -> AsyncIterator[Service]:
    """A service that runs, and that `http` may call by its name."""
    server_side, client_side = tls_of(HOST)
    service = Service(answer)
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0, ssl=server_side)
    service.port = server.sockets[0].getsockname()[1]

    async def resolve(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    http.allowed, http.resolve, http.context = AllowedHosts.parse(HOST), resolve, client_side
    try:
        yield service
    finally:
        server.close()

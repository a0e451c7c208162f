"""A form tool on this machine, which is asked for leads and answers as it is told."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.processes import PATIENCE


@dataclass(frozen=True)
class Asked:
    """One request that the tool got."""

    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """An answer of the tool."""

    status: int = 200
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class FormTool:
    """Keeps what it was asked. `answer` decides about each request; None lets it hang."""

    answer: Callable[[Asked], Reply | None]
    got: list[Asked] = field(default_factory=list)
    port: int = 0
    scheme: str = "http"
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{self.scheme}://{self.host}:{self.port}"

    async def asked(self, times: int) -> list[Asked]:
        """What it was asked, once that is so often."""
        until = time.monotonic() + PATIENCE
        while len(self.got) < times:
            assert time.monotonic() < until, self.got
            await asyncio.sleep(0.02)
        return list(self.got)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection with one request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            target = urlsplit(head[0].split(" ")[1])
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
            asked = Asked(target.path, parse_qs(target.query), headers)
            self.got.append(asked)
            reply = self.answer(asked)
            if reply is None:
                await reader.read()
                return
            is_raw = isinstance(reply.document, bytes)
            body = reply.document if is_raw else json.dumps(reply.document).encode()
            lines = [f"HTTP/1.1 {reply.status} X", f"Content-Length: {len(body)}"]
            lines += [f"{name}: {value}" for name, value in reply.headers.items()]
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def form_tool(
    answer: Callable[[Asked], Reply | None], context: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[FormTool]:
    """A form tool that runs."""
    tool = FormTool(answer, scheme="https" if context else "http", host=host)
    server = await asyncio.start_server(tool.serve, "127.0.0.1", 0, ssl=context)
    tool.port = server.sockets[0].getsockname()[1]
    try:
        yield tool
    finally:
        server.close()

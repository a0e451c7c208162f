"""A proxy between the service and Postgres that breaks connections at COMMIT."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from urllib.parse import parse_qs, urlsplit, urlunsplit

BEGIN, READ_ONLY = b"BEGIN", b"READ ONLY"
COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
SOCKET = ".s.PGSQL.5432"
_FIELDS = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"
STARTING_UP = b"E" + (len(_FIELDS) + 4).to_bytes(4, "big") + _FIELDS
"""The error of Postgres while it recovers from a crash."""


class Break(Enum):
    """What happens to a COMMIT."""

    NOT = "goes through"
    BEFORE = "the line is cut before it reaches Postgres"
    AFTER = "it reaches Postgres, and the line is cut before the reply"
    SILENCE = "it reaches Postgres, and the reply never comes, though the line stays"


@dataclass
class Proxy:
    """`breaks` decides about each COMMIT by its number, from 1 on; `recovering` refuses every connection.

    Transactions that only read are not counted, and go through: the service has some of its own.
    """

    target: str
    directory: str
    breaks: Callable[[int], Break] = field(default=lambda _number: Break.NOT)
    commits: int = 0
    recovering: bool = False
    refused: int = 0
    lines: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)

    def break_commits(self, breaks: Callable[[int], Break]) -> None:
        """From now on; the next COMMIT is the first."""
        self.commits, self.breaks = 0, breaks

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        task = asyncio.current_task()
        assert task is not None
        self.lines[task] = writer
        if self.recovering:
            await self._refuse(reader, writer)
            del self.lines[task]
            return
        behind, onward = await asyncio.open_unix_connection(self.target)
        back = asyncio.create_task(_pump(behind, writer))
        try:
            await self._forward(reader, onward, back)
        finally:
            back.cancel()
            onward.close()
            writer.close()
            del self.lines[task]

    async def _refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.read(65536)
            writer.write(STARTING_UP)
            await writer.drain()
        self.refused += 1
        writer.close()

    async def _forward(
        self, reader: asyncio.StreamReader, onward: asyncio.StreamWriter, back: asyncio.Task[None]
    ) -> None:
        writes = False
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                if BEGIN in data:
                    writes = READ_ONLY not in data
                if COMMIT in data and writes:
                    self.commits += 1
                    match self.breaks(self.commits):
                        case Break.BEFORE:
                            return
                        case Break.AFTER:
                            back.cancel()
                            onward.write(data)
                            await onward.drain()
                            return
                        case Break.SILENCE:
                            back.cancel()
                            onward.write(data)
                            continue
                        case Break.NOT:
                            pass
                onward.write(data)
                await onward.drain()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def proxied(dsn: str) -> AsyncIterator[tuple[str, Proxy]]:
    """The address of a database by way of a proxy, and the proxy."""
    parts = urlsplit(dsn)
    target = Path(parse_qs(parts.query)["host"][0]) / SOCKET
    with tempfile.TemporaryDirectory(prefix="la-proxy-") as directory:
        proxy = Proxy(str(target), directory)
        server = await asyncio.start_unix_server(proxy.serve, Path(directory) / SOCKET)
        try:
            yield urlunsplit(parts._replace(query=f"host={directory}")), proxy
        finally:
            server.close()
            for writer in proxy.lines.values():
                writer.transport.abort()
            await asyncio.gather(*proxy.lines)

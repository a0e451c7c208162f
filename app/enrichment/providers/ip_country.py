"""`ip_country`: the country of the visitor's address, from a database file on this machine.

Nobody is called, and the address goes nowhere: neither into a log nor into what is kept.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

import structlog

from app.enrichment.provider import AccessDenied, ProviderConfig, Tools

if TYPE_CHECKING:
    from maxminddb import Reader

log = structlog.get_logger()
Stamp = tuple[int, int, int]
"""Tells a file from the one that takes its place."""


class IpCountryProvider:
    """Looks up addresses in a file in the format of MaxMind. A file that is replaced is read again."""

    name = "ip_country"
    Config: ClassVar[type[ProviderConfig]] = ProviderConfig
    fills: Mapping[str, str] = {"country": "country.iso_code"}
    cached = False

    def __init__(self, path: str | None = None) -> None:
        """`path` is where the file is; without one every question is denied."""
        self._path = path
        self._stamp: Stamp | None = None
        self._reader: Reader | None = None
        self._reading: asyncio.Task[Reader] | None = None

    @staticmethod
    def is_installed() -> bool:
        """Whether the package that reads such files is there: it comes with the extra `ip_country`."""
        return find_spec("maxminddb") is not None

    def reads(self, config: ProviderConfig) -> Sequence[str]:  # noqa: ARG002
        """The address of the visitor."""
        return ("ip",)

    def secrets(self, config: ProviderConfig) -> Mapping[str, str]:  # noqa: ARG002
        """None."""
        return {}

    async def fetch(self, query: Mapping[str, str], config: ProviderConfig, tools: Tools) -> Any:  # noqa: ARG002
        """The record of an address; None if the file does not have it.

        Raises AccessDenied if there is no file, or none that can be read.
        """
        reader = await self._current()
        try:
            return reader.get(query["ip"])
        except ValueError:
            # The file has no IPv6 addresses. The error names the one that was asked for.
            return None
        except RuntimeError:
            raise AccessDenied("database_unreadable") from None

    async def _current(self) -> "Reader":
        """The file as it is now. It is read in a thread, once, also for those who cannot wait for it."""
        stamp = _stamp(self._path)
        if self._path and stamp is not None and stamp != self._stamp:
            self._stamp = stamp
            self._reading = asyncio.create_task(self._read(self._path), name="read of a country database")
        if self._reading is None:
            raise AccessDenied("database_missing")
        return await asyncio.shield(self._reading)

    async def _read(self, path: str) -> "Reader":
        try:
            # Seldom, and one at a time.
            self._reader = await asyncio.to_thread(_open, path)  # noqa: TID251
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            # The file before it is still right about most addresses.
            log.warning("country database not read", error=type(error).__name__)
            if self._reader is None:
                raise AccessDenied("database_unreadable") from None
        return self._reader


def _stamp(path: str | None) -> Stamp | None:
    try:
        found = os.stat(path) if path else None
    except (OSError, ValueError):
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if found is not None else None


def _open(path: str) -> "Reader":
    """The file in memory, so that it may be written over while addresses are looked up."""
    from maxminddb import MODE_MEMORY, open_database

    return open_database(path, MODE_MEMORY)

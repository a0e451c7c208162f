"""Limits how long the server waits for the headers of a request."""

from asyncio import TimerHandle, Transport
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class HeaderTimeoutProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol on a connection that closes when the headers do not arrive in time.

    The time runs from the connection, or from the first byte after a response, and more bytes do not extend
    it. The rest of a body whose response is sent has the same time. `app/api/http/routing.py` limits the time
    of a body that is being read, and uvicorn the time of an idle connection.
    """

    seconds: ClassVar[float] = 10.0
    _late: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # Before the first request there is no cycle, whatever its declaration says.
        if getattr(self.cycle, "response_complete", True):
            self._wait()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(self.seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

"""The port on which a process shows metrics without a key: exactly `/metrics`, and nothing else."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import structlog

from app.audit.exporter import Exporter
from app.cli.context import CommandError
from app.metrics.exposition import CONTENT_TYPE
from app.settings import Settings

PATH = "/metrics"


@contextmanager
def metrics_port(settings: Settings, exporter: Exporter) -> Iterator[None]:
    """Serve the metrics of the process while the block runs, if a port is set.

    It has threads of its own, so it answers while everything else waits. Raises CommandError.
    """
    if settings.metrics_port is None:
        yield
        return
    try:
        server = _Server(settings.metrics_host, settings.metrics_port, exporter)
    except OSError as error:
        raise CommandError(f"Cannot listen on the port for metrics ({type(error).__name__}).") from None
    host, port, *_ = server.server_address
    structlog.get_logger().info("metrics listening", host=str(host), port=port)
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, exporter: Exporter) -> None:
        self.address_family, *_ = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        self.exporter = exporter
        super().__init__((host, port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that goes away is no error of the service."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10

    def do_GET(self) -> None:
        """Answer a scrape."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """The same without the text."""
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        found = urlsplit(self.path).path == PATH
        body = self.server.exporter.expose() if found else b"Only /metrics is here.\n"
        self.send_response(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND)
        self.send_header("Content-Type", CONTENT_TYPE if found else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def version_string(self) -> str:
        """The service tells no versions of what it is made of."""
        return "lead-assignment"

    def log_message(self, format: str, *args: object) -> None:
        """Scrapes are not logged."""

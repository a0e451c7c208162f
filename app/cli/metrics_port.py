"""The port on which a process shows its own metrics without a key."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from prometheus_client import start_http_server

from app.cli.context import CommandError
from app.metrics import Metrics
from app.settings import Settings


@contextmanager
def metrics_port(settings: Settings, metrics: Metrics) -> Iterator[None]:
    """Serve the metrics of the process while the block runs, if a port is set.

    It has a thread of its own, so it answers while everything else waits. Raises CommandError.
    """
    if settings.metrics_port is None:
        yield
        return
    try:
        server, thread = start_http_server(settings.metrics_port, settings.metrics_host, metrics.registry)
    except OSError as error:
        raise CommandError(f"Cannot listen on the port for metrics ({type(error).__name__}).") from None
    host, port, *_ = server.server_address
    structlog.get_logger().info("metrics listening", host=str(host), port=port)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

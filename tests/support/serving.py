"""The service as a process of its own, on a socket that it inherits. The argument is its descriptor."""

import socket
import sys

import uvicorn

from app import logs
from app.api.http.protocol import protocol_of
from app.main import create_app
from app.registry import strategies
from app.settings import Settings
from tests.support.poisonous import Poisonous


def main() -> None:
    """Serve until a signal ends it. The parent keeps the socket, so a successor can take it over."""
    logs.BATCH_SECONDS = 0.0  # a test looks for errors as soon as it has its answers
    logs.configure()
    listening = socket.socket(fileno=int(sys.argv[1]))
    poisonous = Poisonous()
    app = create_app(Settings(), {**strategies(), poisonous.name: poisonous})
    config = uvicorn.Config(
        app, http=protocol_of(app), log_level="warning", access_log=False, timeout_graceful_shutdown=5
    )
    uvicorn.Server(config).run(sockets=[listening])

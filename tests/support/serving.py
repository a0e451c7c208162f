"""The service as a process of its own, on a socket that it inherits. The argument is its descriptor."""

import socket
import sys

import uvicorn

from app import logs
from app.api.http.protocol import protocol_of
from app.console.rendering import ENVIRONMENT
from app.intake.companies import load_icann_suffixes
from app.intake.domains import load_suffixes
from app.intake.job_titles import load_titles
from app.intake.mail_domains import load_mail_domains
from app.intake.sources import load_sources
from app.main import create_app
from app.registry import strategies
from app.settings import Settings
from tests.support.poisonous import Poisonous


def prepare() -> None:
    """Load what each service loads as it starts. Processes that are forked afterwards have it already."""
    for load in (load_suffixes, load_icann_suffixes, load_mail_domains, load_sources, load_titles):
        load()
    for name in ENVIRONMENT.list_templates():
        ENVIRONMENT.get_template(name)
    strategies()


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

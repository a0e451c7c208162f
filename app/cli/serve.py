"""`lead-assignment serve` and `lead-assignment migrate`."""

import asyncio
import ipaddress
import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.metadata import version
from socket import socket
from types import FrameType
from typing import TYPE_CHECKING, Annotated, cast

import structlog
import typer
import uvicorn
from starlette.datastructures import State

from app import logs, signals
from app.cli.context import CommandError, database, require_tables, settings_now
from app.cli.traces import traces
from app.settings import Settings
from app.store.connection import role
from app.store.connection.address import connect_to
from app.store.connection.pool import when_ready
from app.store.connection.revision import find_revision

if TYPE_CHECKING:
    from fastapi import FastAPI

KEEP_ALIVE_SECONDS = 75
"""Longer than proxies keep idle connections, so that only they close them."""
SHUTDOWN_SECONDS = 10
_TICK_SECONDS = 0.05


def migrate() -> None:
    """Migrate the database to the newest revision. Safe to repeat."""
    with database(settings_now()) as settings:
        later = _migrate(settings)
    if later:
        typer.echo(f"The database is at revision {later} of a later version, which serves this one as well.")
    else:
        typer.echo("The database is at the newest revision.")


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. Default: HOST, or 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="0 for any. Default: PORT, or 8000.")
    ] = None,
    dev: Annotated[
        bool,
        typer.Option("--dev", help="Start a database if none is set, migrate it, and load the example."),
    ] = False,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Leave what comes due to other processes.")
    ] = False,
    drain_seconds: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=3600,
            help="How long to serve after a signal while /readyz is 503. Default: 5, in development 0.",
        ),
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="A port for /metrics that needs no key.")
    ] = None,
) -> None:
    """Serve requests until a signal ends it."""
    settings = settings_now()
    if no_worker:
        settings = settings.model_copy(update={"no_worker": True})
    options = {
        "host": host,
        "port": port,
        "drain_seconds": drain_seconds,
        "metrics_port": metrics_port,
    }
    given = {name: value for name, value in options.items() if value is not None}
    settings = settings.model_copy(update=given)
    logs.configure(level=settings.log_level)
    signals.end_at_once(logs.wait_for_writers)
    require_files(settings)
    if settings.development:
        _serve_development(settings, dev)
    elif dev:
        raise CommandError("--dev is for development. Unset LEAD_ASSIGNMENT_ENV=production to use it.")
    else:
        _serve_production(settings)


def require_files(settings: Settings) -> None:
    """Raises CommandError when hardly any caller could connect, which nobody would be told later."""
    from app.api.http.connection_limit import MIN_CONNECTIONS, files_for_callers

    missing = MIN_CONNECTIONS - files_for_callers(settings)
    if missing > 0:
        raise CommandError(
            f"The process may open too few files: {missing} more are needed. Raise the limit (ulimit -n), or"
            " lower LEAD_ASSIGNMENT_POOL_SIZE."
        )


# The web framework and the migrations take long to import, and no other command waits for them.
def _migrate(settings: Settings) -> str | None:
    from app.store.connection.migrate import migrate as migrate_database

    return migrate_database(settings.address_for_migration())


def _serve_production(settings: Settings) -> None:
    if not settings.database_url:
        raise CommandError("Set DATABASE_URL. There is no embedded database in production.")
    dsn = settings.database_url
    wrong = asyncio.run(when_ready(lambda: _objections(dsn), math.inf))
    if wrong:
        raise CommandError("\n".join(["Refusing to serve in production:", *(f"  {each}" for each in wrong)]))
    _run(settings, announcement=None)


async def _objections(dsn: str) -> list[str]:
    """Why the service must not use this database and role in production."""
    connection = await connect_to(dsn, statement_cache_size=0)
    try:
        return await role.list_objections(connection)
    finally:
        await connection.close()


def _serve_development(settings: Settings, with_example: bool) -> None:
    if not _is_loopback(settings.host):
        raise CommandError(
            "In development, the service listens on a loopback address only."
            " Set LEAD_ASSIGNMENT_ENV=production for others."
        )
    if not with_example:
        if not settings.database_url:
            raise CommandError("Set DATABASE_URL, or use --dev.")
        require_tables(settings.database_url)
        _run(settings, announcement=None)
        return
    from app.cli.sample_workspace import announcement, load_example

    with database(settings) as settings:
        _migrate(settings)
        asyncio.run(load_example(settings))
        _run(settings, announcement=announcement(with_console=settings.console))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _run(settings: Settings, announcement: str | None) -> None:
    from app.cli.metrics_port import metrics_port
    from app.main import create_app

    with traces() as tracing:
        app = create_app(settings, tracing=tracing)
        with metrics_port(settings, app.state.exporter):
            _Server(_config(settings, app), app.state, announcement).run()


def _config(settings: Settings, app: "FastAPI") -> uvicorn.Config:
    from app.api.http.protocol import protocol_of

    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=protocol_of(app),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        # The client address comes from the connection, never from a header.
        proxy_headers=False,
        backlog=2048,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


class _Server(uvicorn.Server):
    """Says where it listens once it accepts requests, and is not ready for a while before it ends."""

    def __init__(self, config: uvicorn.Config, state: State, announcement: str | None) -> None:
        super().__init__(config)
        self._state, self._announcement = state, announcement
        self._signals = ExitStack()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Until `startup` is done, a signal ends the process at once, as before."""
        with self._signals:
            yield

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await self._begin(sockets)
        loop = asyncio.get_running_loop()
        told = signals.told(loop, lambda number: self.handle_exit(number, None), logs.wait_for_writers)
        self._signals.enter_context(told)
        await self._listen_more()
        host, port, *_ = self.servers[0].sockets[0].getsockname()
        if self._announcement:
            typer.echo(self._announcement.replace("PORT", str(port)))
        settings: Settings = self._state.settings
        schema = await find_revision(self._state.pool, settings.request_timeout_seconds)
        structlog.get_logger().info(
            "listening",
            host=host,
            port=port,
            version=version("lead-assignment"),
            schema=schema,
            settings=settings.to_log(),
            traces=self._state.traces,
        )

    async def _begin(self, sockets: list[socket] | None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit:
            if self.lifespan.should_exit:
                raise CommandError("The service could not start. The log says why.") from None
            host, port = self.config.host, self.config.port
            raise CommandError(f"Cannot listen on port {port} of {host}. The log says why.") from None

    async def _listen_more(self) -> None:
        from app.api.http.listeners import listen_more

        protocol = cast("Callable[..., asyncio.Protocol]", self.config.http_protocol_class)
        make = partial(
            protocol, config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        self.servers += await listen_more(self.servers[0].sockets, make, self.config.backlog)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._state.draining = True
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        began = time.monotonic()
        await self._drain()
        await super().shutdown(sockets)
        structlog.get_logger().info("stopped", seconds=round(time.monotonic() - began, 3))

    async def _drain(self) -> None:
        """Serves on, for as long as load balancers take to notice. A second SIGINT ends it."""
        settings: Settings = self._state.settings
        until = time.monotonic() + settings.seconds_to_drain
        while (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, _TICK_SECONDS))
            if self.force_exit:
                # Requests in progress still get their time. Only a third one takes it.
                self.force_exit = False
                return

"""`lead-assignment serve` and `lead-assignment migrate`"""

import asyncio
import ipaddress
import signal
import sys
from socket import socket
from typing import Annotated

import asyncpg
import typer
import uvicorn

from app import logs
from app.cli.context import CommandError, database, settings_now
from app.settings import Settings
from app.store import api_keys
from app.store.connection import role

KEEP_ALIVE_SECONDS = 75
"""Longer than proxies keep idle connections, so that it is not us who close one just when it is used."""
LAST_REQUESTS_SECONDS = 10


def migrate() -> None:
    """Bring the database to the newest revision. Safe to repeat."""
    with database(settings_now()) as settings:
        _migrate(settings)
    typer.echo("The database is at the newest revision.")


def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on; HOST, else 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 for any; PORT, else 8000.")] = None,
    development: Annotated[
        bool,
        typer.Option(
            "--development", help="Migrate, load the example workspace, and accept the key `dev-key`."
        ),
    ] = False,
) -> None:
    """Serve requests until a signal ends it."""
    settings = settings_now()
    named = {"host": host, "port": port}
    settings = settings.model_copy(update={name: value for name, value in named.items() if value is not None})
    # uvicorn raises the signal that ended it once more, and what we opened has to be closed all the same.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    logs.configure()
    if settings.development:
        _serve_developers(settings, development)
    elif development:
        raise CommandError("--development does not go with LEAD_ASSIGNMENT_ENV=production.")
    else:
        _serve_production(settings)


# The web framework and the migrations take a second to import, which no other command has to wait for.
def _migrate(settings: Settings) -> None:
    from app.store.connection.migrate import migrate as migrate_database

    migrate_database(settings.address_for_migration())


def _serve_production(settings: Settings) -> None:
    if not settings.database_url:
        raise CommandError("Set DATABASE_URL: in production there is no embedded database.")
    wrong = asyncio.run(_objections(settings.database_url))
    if wrong:
        raise CommandError("\n".join(["This cannot serve in production:", *(f"  {each}" for each in wrong)]))
    _run(settings, announcement=None)


async def _objections(dsn: str) -> list[str]:
    """Why this database, as this role, must not be served in production."""
    connection = await asyncpg.connect(dsn, timeout=10, statement_cache_size=0)
    try:
        wrong = await role.list_objections(connection)
        if not wrong and not await api_keys.any_key_exists(connection):
            wrong.append("there is no API key: make one with `lead-assignment keys create`")
        return wrong
    finally:
        await connection.close()


def _serve_developers(settings: Settings, with_example: bool) -> None:
    if not _is_loopback(settings.host):
        raise CommandError(
            "In development only a loopback address is served; set LEAD_ASSIGNMENT_ENV=production."
        )
    if not with_example:
        if not settings.database_url:
            raise CommandError("Set DATABASE_URL, or serve with --development.")
        _run(settings, announcement=None)
        return
    from app.cli.sample_workspace import curl_line, load_example

    with database(settings) as settings:
        _migrate(settings)
        asyncio.run(load_example(settings))
        _run(settings, announcement=curl_line())


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _run(settings: Settings, announcement: str | None) -> None:
    from app.api.http.header_timeout import HeaderTimeoutProtocol
    from app.main import create_app

    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=HeaderTimeoutProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        # Who calls is told by the connection alone.
        proxy_headers=False,
        backlog=2048,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=LAST_REQUESTS_SECONDS,
    )
    _Announcing(config, announcement).run()


class _Announcing(uvicorn.Server):
    """Says how to try it, once it can be tried."""

    def __init__(self, config: uvicorn.Config, announcement: str | None) -> None:
        super().__init__(config)
        self._announcement = announcement

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self._announcement:
            port = self.servers[0].sockets[0].getsockname()[1]
            typer.echo(self._announcement.replace("PORT", str(port)))

"""`lead-assignment resume`: let the service act on this database after it was restored or moved."""

from typing import Annotated

import typer

from app.cli.context import CommandError, as_owner
from app.store import installation
from app.store.connection.pool import Connection

_NO_COPY = "This database is the recorded one. The worker and the outbox act on it."
_COPY = (
    "This database is a copy. The worker and the outbox do nothing here.\n"
    "  recorded: {recorded}\n  here:     {here}\n"
    "Stop the service on the original, then confirm with --here."
)


def resume(
    here: Annotated[
        bool, typer.Option("--here", help="From now on, the service acts on this database.")
    ] = False,
) -> None:
    """Let the worker and the outbox act on a restored or moved database."""

    async def work(connection: Connection) -> str:
        now, recorded = (
            await installation.read_identity(connection),
            await installation.find_recorded_identity(connection),
        )
        if recorded == now:
            return _NO_COPY
        if not here:
            raise CommandError(_COPY.format(recorded=_shown(recorded), here=_shown(now)))
        await installation.record_identity(connection)
        return f"The worker and the outbox act on this database: {_shown(now)}."

    typer.echo(as_owner(work))


def _shown(identity: installation.Identity | None) -> str:
    return f"{identity.database_name} on {identity.system_identifier}" if identity else "none"

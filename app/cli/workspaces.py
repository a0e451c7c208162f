"""`lead-assignment workspaces`: create, change, limit, list and delete workspaces."""

from typing import Annotated
from zoneinfo import available_timezones

import asyncpg
import typer

from app.cli.context import CommandError, as_owner, workspace_named
from app.cli.rate_options import BURST_HELP, RATE_HELP, rate_to_store
from app.rates import DAY_SECONDS, DEFAULT_WORKSPACE_RATE, MAX_COUNT, parse_rate, rate_of
from app.store import workspaces as store
from app.store.connection.pool import Connection

commands = typer.Typer(help="Workspaces. Each has its own plan, directory and leads.")
Name = Annotated[str, typer.Argument(help="The workspace's name.")]


def _known(zone: str) -> str:
    if zone not in available_timezones():
        raise typer.BadParameter("must be an IANA time zone, such as Europe/Berlin")
    return zone


_ZONE_HELP = (
    "Its time zone, such as Europe/Berlin: that of times without an offset, and of owners without one."
)


@commands.command()
def create(
    name: Name, timezone: Annotated[str, typer.Option(help=_ZONE_HELP, callback=_known)] = "UTC"
) -> None:
    """Create a workspace."""

    async def work(connection: Connection) -> None:
        try:
            await store.create_workspace(connection, name, timezone)
        except asyncpg.UniqueViolationError:
            raise CommandError(f"The workspace {name!r} already exists.") from None
        except asyncpg.CheckViolationError:
            raise CommandError("The name must have 1 to 63 bytes.") from None

    as_owner(work)
    typer.echo(f"Created workspace {name!r}.")


@commands.command("set")
def change(name: Name, timezone: Annotated[str, typer.Option(help=_ZONE_HELP, callback=_known)]) -> None:
    """Change a workspace. Owners keep the time zone they have."""

    async def work(connection: Connection) -> None:
        await store.set_time_zone(connection, (await workspace_named(connection, name)).id, timezone)

    as_owner(work)
    typer.echo(f"The time zone of {name!r} is {timezone}.")


@commands.command("set-rate")
def set_rate(
    name: Name,
    rate: Annotated[str, typer.Argument(help=RATE_HELP)],
    burst: Annotated[int | None, typer.Option(min=1, max=MAX_COUNT, help=BURST_HELP)] = None,
) -> None:
    """Change how often the keys of a workspace may call together. It holds within five seconds."""
    stored_rate = rate_to_store(rate, burst)

    async def work(connection: Connection) -> None:
        await store.set_rate(connection, (await workspace_named(connection, name)).id, stored_rate)

    as_owner(work)
    typer.echo(f"The rate of {name!r} is {rate_of(*stored_rate, DEFAULT_WORKSPACE_RATE) or 'not limited'}.")


@commands.command("set-quota")
def set_quota(
    name: Name,
    quota: Annotated[str, typer.Argument(help="Such as 5000/day or 100000/month, or `none`.")],
) -> None:
    """Change how many leads a workspace may send in a day or a month of thirty days."""
    parsed = parse_rate(quota)
    days = parsed[1] // DAY_SECONDS if parsed else 0
    if not days and quota != "none":
        raise CommandError("Write a quota as 5000/day or 100000/month, or none.")
    leads = parsed[0] if parsed else None

    async def work(connection: Connection) -> None:
        found = await workspace_named(connection, name)
        await store.set_quota(connection, found.id, leads, days or None)

    as_owner(work)
    typer.echo(f"The quota of {name!r} is {quota}.")


@commands.command("list")
def list_all() -> None:
    """List all workspaces."""
    for workspace in as_owner(store.list_workspaces):
        typer.echo(f"{workspace.id}\t{workspace.name}\t{workspace.created_at:%Y-%m-%d}\t{workspace.timezone}")


@commands.command()
def delete(
    name: Name, yes: Annotated[bool, typer.Option("--yes", help="Confirm. This cannot be undone.")] = False
) -> None:
    """Delete a workspace with its leads, decisions, directory, plans and keys."""
    if not yes:
        raise CommandError(f"This deletes all data of {name!r} and cannot be undone. Confirm with --yes.")

    async def work(connection: Connection) -> None:
        await store.delete_workspace(connection, (await workspace_named(connection, name)).id)

    as_owner(work)
    typer.echo(f"Deleted workspace {name!r}.")

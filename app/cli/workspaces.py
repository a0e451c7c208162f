"""`lead-assignment workspaces`"""

from typing import Annotated

import asyncpg
import typer

from app.cli.context import CommandError, as_owner, workspace_named
from app.store import workspaces as store
from app.store.connection.pool import Connection

commands = typer.Typer(help="The customers of the service, each with a plan and a directory of its own.")
Name = Annotated[str, typer.Argument(help="The workspace's name.")]


@commands.command()
def create(name: Name) -> None:
    """Make a workspace."""

    async def work(connection: Connection) -> None:
        try:
            await store.create_workspace(connection, name)
        except asyncpg.UniqueViolationError:
            raise CommandError(f"There is a workspace {name!r} already.") from None
        except asyncpg.CheckViolationError:
            raise CommandError("A workspace's name has 1 to 63 bytes.") from None

    as_owner(work)
    typer.echo(f"Made the workspace {name!r}.")


@commands.command("list")
def list_all() -> None:
    """Show all workspaces."""
    for workspace in as_owner(store.list_workspaces):
        typer.echo(f"{workspace.id}\t{workspace.name}\t{workspace.created_at:%Y-%m-%d}")


@commands.command()
def delete(
    name: Name, yes: Annotated[bool, typer.Option("--yes", help="Really, and for good.")] = False
) -> None:
    """Take a workspace away: its leads, decisions, directory, plans and keys."""
    if not yes:
        raise CommandError(f"This removes all that {name!r} holds, for good. Say --yes to do it.")

    async def work(connection: Connection) -> None:
        await store.delete_workspace(connection, (await workspace_named(connection, name)).id)

    as_owner(work)
    typer.echo(f"Removed the workspace {name!r}.")

"""`lead-assignment console`: sign-in links for owners."""

from typing import Annotated

import typer

from app.cli.context import CommandError, as_owner, settings_now, workspace_chosen
from app.directory.console_links import CONSOLE_OFF, ConsoleLinks
from app.errors import NotFound, OwnerInactive
from app.settings import Settings
from app.store.connection.pool import Connection
from app.store.workspaces import SET_WORKSPACE

commands = typer.Typer(help="The console: sign-in links for owners.")


@commands.callback()
def group() -> None:
    """Keep `link` a command of its own, though it is the only one."""


@commands.command()
def link(
    owner: Annotated[str, typer.Argument(metavar="OWNER", help="The owner's id.")],
    workspace: Annotated[
        str | None, typer.Option(help="The workspace's name. Default: the only one there is.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help="The port of the service on this machine. Default: LEAD_ASSIGNMENT_PUBLIC_BASE_URL, else"
            " LEAD_ASSIGNMENT_PORT.",
        ),
    ] = None,
) -> None:
    """Print a link that signs an owner in to the console: once, within ten minutes.

    The first link of an owner makes an API key that is bound to them. It is listed by `keys list`; revoking
    it ends every session that began with a link.
    """
    settings = settings_now()
    if ConsoleLinks.of(settings).refusal == CONSOLE_OFF:
        raise CommandError("The console is off. Unset LEAD_ASSIGNMENT_CONSOLE to use it.")
    links = ConsoleLinks(_base_url(settings, port))

    async def work(connection: Connection) -> str:
        found = await workspace_chosen(connection, workspace)
        return await _link(connection, links, found.id, owner)

    typer.echo(as_owner(work))
    if settings.public_base_url is None or port is not None:
        hint = "It opens on this machine only. For other devices, set LEAD_ASSIGNMENT_PUBLIC_BASE_URL."
        typer.echo(hint, err=True)


async def _link(connection: Connection, links: ConsoleLinks, workspace_id: int, owner_id: str) -> str:
    """A new link. Raises CommandError if there is no such owner, or if they are not active."""
    async with connection.transaction():
        await connection.execute(SET_WORKSPACE, str(workspace_id))
        try:
            return (await links.make(connection, workspace_id, owner_id)).url
        except NotFound:
            raise CommandError(f"No owner {owner_id!r} in this workspace.") from None
        except OwnerInactive:
            raise CommandError(f"The owner {owner_id!r} is not active.") from None


def _base_url(settings: Settings, port: int | None) -> str:
    if port is None and settings.public_base_url is not None:
        return settings.public_base_url
    return f"http://127.0.0.1:{port or settings.port}"

"""`lead-assignment console`: sign-in links for owners."""

from typing import Annotated

import typer

from app.cli.context import CommandError, as_owner, settings_now, workspace_chosen
from app.console.tokens import LINK_SECONDS, new_token
from app.keys import issue
from app.settings import Settings
from app.store import api_keys, console_sessions
from app.store.connection.pool import Connection
from app.store.directory.records import find_record
from app.store.workspaces import SET_WORKSPACE

commands = typer.Typer(help="The console: sign-in links for owners.")
LABEL = "console sign-in links"
SCOPES = ("claim", "directory:write", "events", "leads:read")
"""What an owner does in the console: see and answer their own leads, claim others, and set their leave.

Of the directory a key of one owner writes only the absences of this owner.
"""


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
    if not settings.console:
        raise CommandError("The console is off. Unset LEAD_ASSIGNMENT_CONSOLE to use it.")

    async def work(connection: Connection) -> str:
        found = await workspace_chosen(connection, workspace)
        return await _link(connection, found.id, owner, "dev" if settings.development else "live")

    typer.echo(f"{_base_url(settings, port)}/console/link/{as_owner(work)}")
    if settings.public_base_url is None or port is not None:
        hint = "It opens on this machine only. For other devices, set LEAD_ASSIGNMENT_PUBLIC_BASE_URL."
        typer.echo(hint, err=True)


async def _link(connection: Connection, workspace_id: int, owner_id: str, env: str) -> str:
    """The token of a new link. Raises CommandError if there is no such owner."""
    async with connection.transaction():
        await connection.execute(SET_WORKSPACE, str(workspace_id))
        if await find_record(connection, workspace_id, "owners", owner_id) is None:
            raise CommandError(f"No owner {owner_id!r} in this workspace.")
    key_id = await console_sessions.find_link_key(connection, workspace_id, owner_id, LABEL, SCOPES)
    if key_id is None:
        key = issue(env)  # its secret is known to nobody: it acts by sessions only
        await api_keys.insert_key(connection, workspace_id, key, SCOPES, owner_id, LABEL)
        key_id = key.id
    token = new_token(workspace_id)
    await console_sessions.insert_link(connection, workspace_id, token.hash(), key_id, LINK_SECONDS)
    return token.text()


def _base_url(settings: Settings, port: int | None) -> str:
    if port is None and settings.public_base_url is not None:
        return settings.public_base_url
    return f"http://127.0.0.1:{port or settings.port}"

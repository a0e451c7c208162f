"""`lead-assignment keys`: create, list, limit and revoke API keys."""

from typing import Annotated

import typer

from app.cli.context import CommandError, as_owner, settings_now, workspace_named
from app.cli.rate_options import BURST_HELP, RATE_HELP, rate_to_store
from app.keys import SCOPES, issue
from app.rates import DEFAULT_KEY_RATE, MAX_COUNT, rate_of
from app.store import api_keys
from app.store.api_keys import IssuedKey
from app.store.connection.pool import Connection

commands = typer.Typer(help="API keys.")
InWorkspace = Annotated[str, typer.Argument(metavar="WORKSPACE", help="The workspace's name.")]
MAX_LABEL_LENGTH = 255


@commands.command()
def create(
    workspace: InWorkspace,
    scopes: Annotated[
        str, typer.Option(help=f"Scopes, separated by commas: {', '.join(sorted(SCOPES))}.")
    ] = "admin",
    owner: Annotated[str | None, typer.Option(help="Restrict the key to one owner.")] = None,
    label: Annotated[str, typer.Option(help="A note about its use.")] = "",
    source: Annotated[
        str | None,
        typer.Option(help="The system that uses it. Keys with one source share the ids of events."),
    ] = None,
    rate: Annotated[str, typer.Option(help=RATE_HELP)] = "default",
    burst: Annotated[int | None, typer.Option(min=1, max=MAX_COUNT, help=BURST_HELP)] = None,
) -> None:
    """Create a key and print it once. Only its hash is stored."""
    stored_rate = rate_to_store(rate, burst)
    granted = sorted({scope.strip() for scope in scopes.split(",")})
    unknown = [scope for scope in granted if scope not in SCOPES]
    if unknown:
        raise CommandError(f"Unknown scopes: {', '.join(unknown)}. Use {', '.join(sorted(SCOPES))}.")
    if source is not None and len(source.encode()) > MAX_LABEL_LENGTH:
        raise CommandError(f"The source must have at most {MAX_LABEL_LENGTH} bytes.")
    key = issue("dev" if settings_now().development else "live")

    async def work(connection: Connection) -> None:
        found = await workspace_named(connection, workspace)
        await api_keys.insert_key(
            connection, found.id, key, granted, owner, label[:MAX_LABEL_LENGTH], source or None, stored_rate
        )

    as_owner(work)
    typer.echo(f"Created key {key.id} ({', '.join(granted)}). It is not shown again:", err=True)
    typer.echo(key.text())


@commands.command("list")
def list_all(workspace: InWorkspace) -> None:
    """List the keys of a workspace, without their secrets."""

    async def work(connection: Connection) -> list[IssuedKey]:
        return await api_keys.list_keys(connection, (await workspace_named(connection, workspace)).id)

    for key in as_owner(work):
        state = f"revoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else "valid"
        owner = f"for {key.owner_id}" if key.owner_id else "for all owners"
        rate = str(key.rate or "no limit")
        typer.echo("\t".join((key.id, state, ",".join(key.scopes), owner, rate, key.label)).rstrip())


@commands.command("set-rate")
def set_rate(
    id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, not the key itself.")],
    rate: Annotated[str, typer.Argument(help=RATE_HELP)],
    burst: Annotated[int | None, typer.Option(min=1, max=MAX_COUNT, help=BURST_HELP)] = None,
) -> None:
    """Change how often a key may call. All processes follow within five seconds."""
    stored_rate = rate_to_store(rate, burst)

    async def work(connection: Connection) -> None:
        if not await api_keys.set_rate(connection, id, stored_rate):
            raise CommandError("No key with this id.")

    as_owner(work)
    typer.echo(f"The rate of {id} is {rate_of(*stored_rate, DEFAULT_KEY_RATE) or 'not limited'}.")


@commands.command()
def revoke(
    id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, not the key itself.")],
) -> None:
    """Revoke a key permanently. All processes refuse it within five seconds."""

    async def work(connection: Connection) -> None:
        if not await api_keys.revoke_key(connection, id):
            raise CommandError("No key with this id.")

    as_owner(work)
    typer.echo(f"Revoked key {id}.")

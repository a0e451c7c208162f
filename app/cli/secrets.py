"""`lead-assignment secrets`: the keys that encrypt secrets of other systems."""

import typer

from app.cli.context import as_owner, settings_now
from app.secrets import SecretBox, new_key
from app.store.connection.pool import Connection
from app.store.crm.renewal import renew_secrets

commands = typer.Typer(help="Keys that encrypt secrets of other systems.", no_args_is_help=True)


@commands.command()
def generate() -> None:
    """Print a new key for LEAD_ASSIGNMENT_SECRETS_KEY."""
    typer.echo(new_key())


@commands.command()
def rotate() -> None:
    """Encrypt all stored secrets again with the first key. Later keys are then no longer needed."""
    box = SecretBox(settings_now().secrets_keys())

    async def work(connection: Connection) -> int:
        return await renew_secrets(connection, box.renew)

    typer.echo(f"Encrypted {as_owner(work)} secrets with the first key.")

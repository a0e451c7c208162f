"""`lead-assignment secrets`: the keys that encrypt secrets of other systems."""

import typer

from app.secrets import new_key

commands = typer.Typer(help="Keys that encrypt secrets of other systems.")


@commands.command()
def generate() -> None:
    """Print a new key for LEAD_ASSIGNMENT_SECRETS_KEY."""
    typer.echo(new_key())


@commands.callback()
def _group() -> None:
    """Keep `generate` a command of its own."""

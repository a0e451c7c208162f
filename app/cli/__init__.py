"""The command line, `lead-assignment`."""

import gc
import sys
from importlib.metadata import version
from typing import Annotated

import asyncpg
import typer

from app.cli import (
    assign,
    demo,
    endpoints,
    explain,
    imports,
    keys,
    leads,
    owners,
    plan,
    resume,
    secrets,
    serve,
    teams,
    verify,
    worker,
    workspaces,
)
from app.cli.context import CommandError
from app.errors import Problem
from app.store.connection.pool import is_connection_error

commands = typer.Typer(
    name="lead-assignment",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lead-assignment {version('lead-assignment')}")
        raise typer.Exit


@commands.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    """Gives every inbound lead its owner and follow-up actions."""


commands.command("serve")(serve.serve)
commands.command("worker")(worker.worker)
commands.command("migrate")(serve.migrate)
commands.command("verify")(verify.verify)
commands.command("resume")(resume.resume)
commands.command("demo")(demo.demo)
commands.command("assign")(assign.assign)
commands.command("explain")(explain.explain)
commands.add_typer(workspaces.commands, name="workspaces")
commands.add_typer(keys.commands, name="keys")
commands.add_typer(secrets.commands, name="secrets")
commands.add_typer(endpoints.commands, name="endpoints")
commands.add_typer(plan.commands, name="plan")
commands.add_typer(leads.commands, name="leads")
commands.add_typer(owners.commands, name="owners")
commands.add_typer(teams.commands, name="teams")
commands.add_typer(imports.commands, name="import")


def main() -> None:
    """Run a command. An expected error is printed to the standard error, and the exit code is 1."""
    gc.freeze()  # else the process spends its last half second on looking through all it imported
    try:
        commands()
    except Exception as error:
        message = _message(error)
        if message is None:
            raise
        typer.echo(message, err=True)
        sys.exit(1)


def _message(error: Exception) -> str | None:
    match error:
        case CommandError():
            return str(error)
        case Problem():
            return "\n".join([error.detail or error.title, *map(_fault, error.faults)])
        case asyncpg.UndefinedTableError() | asyncpg.UndefinedColumnError():
            return (
                "The database has no tables, or not the newest. Run `lead-assignment migrate`. Without"
                " DATABASE_URL, commands use the database in .data/ of the current directory."
            )
        case asyncpg.InsufficientPrivilegeError():
            return "Permission denied. Set MIGRATION_DATABASE_URL to the role that owns the tables."
        case _ if is_connection_error(error) or isinstance(
            error, asyncpg.InvalidAuthorizationSpecificationError
        ):
            return f"Cannot reach the database ({type(error).__name__})."
        case _:
            return None


def _fault(fault: object) -> str:
    path = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in getattr(fault, "path", ())
    )
    return f"  {path.removeprefix('.')}: {getattr(fault, 'detail', '')} ({getattr(fault, 'code', '')})"

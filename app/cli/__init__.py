"""The command line, `lead-assignment`."""

import errno
import gc
import os
import ssl
import sys
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import asyncpg
import typer
from typer.core import TyperGroup

from app.cli.context import CommandError
from app.errors import PoolerNotSet, Problem
from app.store.connection.address import InvalidAddress
from app.store.connection.pool import is_connection_error

REFUSED_ERRORS = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    ssl.SSLError,
)
"""What a server answers that knows no such role or database, or whose certificate is not trusted."""

_SENTENCES: dict[type[Exception], str] = {
    asyncpg.InsufficientPrivilegeError: (
        "Permission denied. Set MIGRATION_DATABASE_URL to the role that owns the tables."
    ),
    asyncpg.ReadOnlySQLTransactionError: (
        "The database is read-only, as a standby is. Connect to the primary."
    ),
}

_COMMANDS = {
    "serve": "serve",
    "worker": "worker",
    "migrate": "serve",
    "verify": "verify",
    "diagnose": "diagnose",
    "clock": "clock",
    "reconcile": "reconcile",
    "resume": "resume",
    "demo": "demo",
    "assign": "assign",
    "explain": "explain",
    "workspaces": "workspaces",
    "keys": "keys",
    "console": "console",
    "secrets": "secrets",
    "endpoints": "endpoints",
    "forms": "forms",
    "plan": "plan",
    "leads": "leads",
    "erasures": "erasures",
    "retention": "retention",
    "owners": "owners",
    "teams": "teams",
    "report": "report",
    "import": "imports",
    "spend": "spend",
    "suppress": "suppress",
}
"""The commands, in the order of the help, and the file of each. It has a group `commands`, or a function."""


class _ByName(TyperGroup):
    """Imports the file of a command when the command is used: importing all takes most of a second."""

    def list_commands(self, ctx: object) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: object, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        # The database lists the connections of each command by its name.
        os.environ.setdefault("PGAPPNAME", f"lead-assignment {cmd_name}")
        module = import_module(f".{_COMMANDS[cmd_name]}", __package__)
        group = getattr(module, "commands", None)
        if group is None:
            group = typer.Typer(add_completion=False)
            group.command(cmd_name)(getattr(module, cmd_name))
        command = typer.main.get_command(group)
        command.name = cmd_name
        return command


commands = typer.Typer(
    name="lead-assignment",
    cls=_ByName,
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


def main() -> None:
    """Run a command. An expected error is printed to the standard error, and the exit code is 1."""
    open_standard_streams()
    gc.freeze()  # else the process spends its last half second on looking through all it imported
    try:
        commands()
    except Exception as error:
        message = _message(error)
        if message is None:
            raise
        typer.echo(message, err=True)
        sys.exit(1)


def open_standard_streams() -> None:
    """Opens those that the process was started without, or a socket gets their number and their output."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")


def _message(error: Exception) -> str | None:
    match error:
        case CommandError() | InvalidAddress():
            return str(error)
        case Problem():
            return "\n".join([error.detail or error.title, *map(_fault, error.faults)])
        case asyncpg.ClientConfigurationError():
            return f"The database URL cannot be used: {error.args[0]}."
        case asyncpg.InvalidSQLStatementNameError() | asyncpg.DuplicatePreparedStatementError():
            return f"{PoolerNotSet.title}. Set LEAD_ASSIGNMENT_PGBOUNCER=true, or connect to Postgres itself."
        case asyncpg.UndefinedTableError() | asyncpg.UndefinedColumnError():
            return (
                "The database has no tables, or not the newest. Run `lead-assignment migrate`. Without"
                " DATABASE_URL, commands use the database in .data/ of the current directory."
            )
        case _ if type(error) in _SENTENCES:
            return _SENTENCES[type(error)]
        case OSError(errno=errno.ENOSPC | errno.EDQUOT | errno.EFBIG):
            return f"The output cannot be written: {error.strerror}."
        case _ if is_connection_error(error) or isinstance(error, REFUSED_ERRORS):
            return f"Cannot reach the database ({type(error).__name__})."
        case asyncpg.PostgresError():
            return f"The database refused: {type(error).__name__} ({error.sqlstate})."
        case _:
            return None


def _fault(fault: object) -> str:
    path = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in getattr(fault, "path", ())
    )
    place = f"{path.removeprefix('.')}: " if path else ""
    return f"  {place}{getattr(fault, 'detail', '')} ({getattr(fault, 'code', '')})"

"""`lead-assignment erasures`: the log of erasures, to repeat them on a restored database."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import orjson
import typer

from app.cli.context import CommandError, with_pool
from app.cli.personal_data import with_dispatch
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.erasing import erase_person
from app.errors import NotFound
from app.privacy.erasure import list_log
from app.store import workspaces
from app.store.connection.pool import Pool

commands = typer.Typer(
    help="The log of erasures, to repeat them on a restored database.", no_args_is_help=True
)
LogFile = Annotated[Path, typer.Argument(metavar="FILE", help="One erasure in each line, as JSON.")]


@commands.command("export")
def export_log(file: LogFile) -> None:
    """Write the log of all workspaces to a file. Keep it apart from the backups of the database."""

    async def work(pool: Pool) -> list[dict[str, Any]]:
        async with pool.acquire() as connection:
            found = await workspaces.list_workspaces(connection)
        return [
            {"workspace": each.name, "lead_id": one.lead_id, "at": one.at, "actor": one.actor}
            for each in found
            for one in await list_log(pool, each.id)
        ]

    lines = with_pool(work)
    file.write_bytes(b"".join(orjson.dumps(line, option=orjson.OPT_UTC_Z) + b"\n" for line in lines))
    typer.echo(f"{len(lines)} erasures written.")


@commands.command("apply")
def apply_log(file: LogFile) -> None:
    """Repeat the erasures of a file. Leads that are not in this database, or erased, are left out."""
    lines = [_parse(number, text) for number, text in enumerate(file.read_bytes().splitlines(), 1)]

    async def work(pool: Pool, dispatch: Dispatcher) -> int:
        async with pool.acquire() as connection:
            ids = {each.name: each.id for each in await workspaces.list_workspaces(connection)}
        absent = 0
        for workspace, lead_id, at, actor in lines:
            try:
                if workspace not in ids:
                    raise NotFound
                await erase_person(pool, dispatch, ids[workspace], lead_id, actor, at)
            except NotFound:
                absent += 1
        return absent

    absent = with_dispatch(work)
    typer.echo(f"{len(lines) - absent} leads are erased, {absent} are not in this database.")


def _parse(number: int, text: bytes) -> tuple[str, str, datetime, str]:
    """The workspace, the lead, the time and the actor of a line. Raises CommandError."""
    try:
        line = orjson.loads(text)
        at = datetime.fromisoformat(line["at"])
        return str(line["workspace"]), str(UUID(line["lead_id"])), at, str(line["actor"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CommandError(f"Line {number} is not an erasure.") from None

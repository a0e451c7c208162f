"""`lead-assignment erasures`: the log of erasures, to repeat them on a restored database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import orjson
import typer

from app.cli.context import CommandError, with_pool
from app.cli.personal_data import with_dispatch
from app.directory.removal import repeat_owner_erasure
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.erasing import erase_person
from app.errors import InUse, NotFound
from app.privacy import owner_erasure
from app.privacy.erasure import list_log
from app.registry import strategies
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
        ] + [
            {
                "workspace": each.name,
                "owner_id": one.owner_id,
                "version": one.version,
                "at": one.at,
                "actor": one.actor,
            }
            for each in found
            for one in await owner_erasure.list_log(pool, each.id)
        ]

    lines = with_pool(work)
    file.write_bytes(b"".join(orjson.dumps(line, option=orjson.OPT_UTC_Z) + b"\n" for line in lines))
    typer.echo(f"{len(lines)} erasures written.")


@commands.command("apply")
def apply_log(file: LogFile) -> None:
    """Repeat the erasures of a file. People who are not in this database, or erased, are left out."""
    lines = [_parse(number, text) for number, text in enumerate(file.read_bytes().splitlines(), 1)]
    leads = [line for line in lines if isinstance(line, _Lead)]
    owners = [line for line in lines if isinstance(line, _Owner)]

    async def work(pool: Pool, dispatch: Dispatcher) -> tuple[int, int]:
        async with pool.acquire() as connection:
            ids = {each.name: each.id for each in await workspaces.list_workspaces(connection)}
        erased = [await _erase_lead(pool, dispatch, ids, line) for line in leads]
        return sum(erased), sum([await _erase_owner(pool, ids, line) for line in owners])

    erased, erased_owners = with_dispatch(work)
    typer.echo(f"{erased} leads are erased, {len(leads) - erased} are not in this database.")
    if owners:
        left = len(owners) - erased_owners
        typer.echo(f"{erased_owners} owners are erased, {left} are not, or not any more, in this database.")


async def _erase_lead(pool: Pool, dispatch: Dispatcher, ids: Mapping[str, int], line: "_Lead") -> bool:
    if line.workspace not in ids:
        return False
    try:
        await erase_person(pool, dispatch, ids[line.workspace], line.lead_id, line.actor, line.at)
    except NotFound:
        return False
    return True


async def _erase_owner(pool: Pool, ids: Mapping[str, int], line: "_Owner") -> bool:
    if line.workspace not in ids:
        return False
    id_ = ids[line.workspace]
    try:
        return await repeat_owner_erasure(pool, id_, line.actor, strategies(), line.owner_id, line.version)
    except InUse:
        raise CommandError(
            f"The active plan names owner {line.owner_id}. Publish one that does not, then repeat this."
        ) from None


@dataclass(frozen=True, slots=True)
class _Lead:
    workspace: str
    lead_id: str
    at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class _Owner:
    workspace: str
    owner_id: str
    version: int
    actor: str


def _parse(number: int, text: bytes) -> _Lead | _Owner:
    """What a line says. Raises CommandError."""
    try:
        line = orjson.loads(text)
        at = datetime.fromisoformat(line["at"])
        if "owner_id" in line:
            owner, version = str(line["owner_id"]), int(line["version"])
            return _Owner(str(line["workspace"]), owner, version, str(line["actor"]))
        return _Lead(str(line["workspace"]), str(UUID(line["lead_id"])), at, str(line["actor"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CommandError(f"Line {number} is not an erasure.") from None

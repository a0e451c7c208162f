"""`lead-assignment owners`: enter leave, and deactivate owners."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from pydantic import ValidationError

from app.cli.context import CommandError, system_user, with_pool, workspace_chosen
from app.contract.directory import AbsenceInput, to_record
from app.contract.faults import validation_failed
from app.directory import absences, leaving
from app.directory.editing import edit_directory
from app.directory.leaving import ChangedOwner
from app.directory.mentions import Mention, find_mentions
from app.directory.records import UNCONDITIONAL
from app.errors import NotFound
from app.registry import strategies
from app.store.connection.pool import Pool
from app.store.directory.records import Record

commands = typer.Typer(help="Owners: leave, and leaving for good.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(metavar="OWNER", help="The owner's id.")]
InWorkspace = Annotated[str | None, typer.Option("--workspace", help="The workspace. Default: the only one.")]
DAY = ["%Y-%m-%d"]


@commands.command()
def leave(
    owner: Id,
    until: Annotated[
        datetime, typer.Option(formats=DAY, help="The last day away, in the owner's time zone.")
    ],
    start: Annotated[
        datetime | None, typer.Option("--from", formats=DAY, help="The first day away. Default: now.")
    ] = None,
    cover: Annotated[str | None, typer.Option(help="The owner who covers.")] = None,
    cover_team: Annotated[str | None, typer.Option(help="The team that covers.")] = None,
    stay: Annotated[
        bool, typer.Option("--open-leads-stay", help="Open leads stay with the owner, also with a cover.")
    ] = False,
    workspace: InWorkspace = None,
) -> None:
    """Enter leave. With a cover, open leads go there when it begins; untouched ones come back after it."""
    if until.date() == date.max:
        raise CommandError(f"--until must be before {date.max}.")
    covers = {name: given for name, given in (("owner", cover), ("team", cover_team)) if given is not None}
    sent = {
        "to": f"{until + timedelta(days=1):%Y-%m-%d}",
        "cover": covers or None,
        "open_leads": "move" if covers and not stay else "stay",
    }

    async def work(pool: Pool) -> Record:
        id_ = (await workspace_chosen(pool, workspace)).id
        async with edit_directory(pool, id_, system_user()) as edit:
            first = f"{start:%Y-%m-%d}" if start is not None else edit.now.isoformat()
            return await absences.add(edit, owner, _absence({**sent, "from": first}))

    try:
        body = with_pool(work).body
    except NotFound:
        raise CommandError(f"No owner {owner!r}.") from None
    typer.echo(_said(owner, body, cover or (f"team {cover_team}" if cover_team else None)))


@commands.command()
def deactivate(
    owner: Id,
    move_leads: Annotated[
        bool, typer.Option("--move-leads", help="Route the owner's open leads again, as a job of the worker.")
    ] = False,
    workspace: InWorkspace = None,
) -> None:
    """Make an owner inactive: from now on they get no lead. Lists every place that still names them."""

    def make(before: Mapping[str, Any] | None) -> dict[str, Any]:
        if before is None:
            raise CommandError(f"No owner {owner!r}.")
        return {**before, "active": False}

    async def work(pool: Pool) -> tuple[ChangedOwner, list[Mention]]:
        id_ = (await workspace_chosen(pool, workspace)).id
        changed = await leaving.change_owner(
            pool, id_, system_user(), owner, make, UNCONDITIONAL, move_leads=move_leads
        )
        return changed, await find_mentions(pool, id_, strategies(), owner)

    changed, mentions = with_pool(work)
    typer.echo(f"{owner} is inactive.")
    if changed.job is not None:
        leads = "open lead" if changed.job.total == 1 else "open leads"
        typer.echo(f"Job {changed.job.id} moves {changed.job.total} {leads}.")
    for each in mentions:
        typer.echo(f"still named in {each.resource_type}\t{each.resource_id}\t{each.path}")


def _absence(sent: Mapping[str, Any]) -> dict[str, Any]:
    """The absence as it is stored. Raises ValidationFailed."""
    try:
        return to_record(AbsenceInput.model_validate(sent))
    except ValidationError as refused:
        raise validation_failed(refused, model=AbsenceInput) from None


def _said(owner: str, absence: Mapping[str, Any], covering: str | None) -> str:
    """The leave that was entered, in the time zone in which its days were meant."""
    zone = absence["assumed_timezone"] or "UTC"
    start, end = (
        f"{datetime.fromisoformat(absence[name]).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"
        for name in ("from", "to")
    )
    covers = f" {covering} covers." if covering else ""
    moves = "Open leads move." if absence["open_leads"] == "move" else "Open leads stay."
    return f"{owner} is away from {start} until {end}, {zone} time.{covers} {moves}"

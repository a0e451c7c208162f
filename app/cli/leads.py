"""`lead-assignment leads`: what is open or failed, where, how old, and when it is due."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated

import orjson
import typer

from app.cli import personal_data
from app.cli.context import CommandError, with_pool, workspace_chosen
from app.plan.language.durations import format_duration, parse_duration
from app.store.connection.pool import Pool, transaction
from app.store.leads import open_leads
from app.store.leads.open_leads import AssignmentFilter, ListedAssignment
from app.store.path.failed_leads import FailedLead, list_failed_leads

commands = typer.Typer(help="Open leads, and what is held about a person.", no_args_is_help=True)
commands.command("export")(personal_data.export)
commands.command("erase")(personal_data.erase)
HEADER = "assignment\tlead\towner or queue\tteam\tage\taccept by\ttouch by\tdeadlines\tattempt"
MAX_SHOWN = 1000


@commands.callback()
def _group() -> None:
    """Open leads."""


@commands.command("list")
def list_open(
    owner: Annotated[str | None, typer.Option(help="Only those of this owner.")] = None,
    team: Annotated[str | None, typer.Option(help="Only those that came through this team.")] = None,
    queue: Annotated[str | None, typer.Option(help="Only those that wait in this queue.")] = None,
    older_than: Annotated[str | None, typer.Option(help="Only those at least this old, such as 3d.")] = None,
    breached: Annotated[bool, typer.Option("--breached", help="Only those past a deadline.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=MAX_SHOWN, help="How many to show.")] = 100,
    after: Annotated[int, typer.Option(min=0, help="The number that the last list ended with.")] = 0,
    workspace: Annotated[str | None, typer.Option(help="The workspace. Default: the only one.")] = None,
) -> None:
    """List open leads, the oldest first, without their fields."""
    wanted = AssignmentFilter(owner, team, queue, older_than=_age(older_than), breached=breached)

    async def work(pool: Pool) -> tuple[list[ListedAssignment], int | None]:
        id_ = (await workspace_chosen(pool, workspace)).id
        async with transaction(pool, id_, read_only=True) as connection:
            return await open_leads.list_assignments(connection, id_, wanted, after, limit)

    found, following = with_pool(work)
    typer.echo("\n".join(_lines(found)))
    if following is not None:
        typer.echo(f"There are more. Continue with --after {following}.", err=True)


@commands.command("failed")
def list_failed(
    requests: Annotated[
        bool, typer.Option("--requests", help="Print each as JSON with what was sent. That is personal data.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=MAX_SHOWN, help="How many to show.")] = 100,
    workspace: Annotated[str | None, typer.Option(help="The workspace. Default: the only one.")] = None,
) -> None:
    """List the leads that could not be decided, the newest first."""

    async def work(pool: Pool) -> list[FailedLead]:
        id_ = (await workspace_chosen(pool, workspace)).id
        async with transaction(pool, id_, read_only=True) as connection:
            return await list_failed_leads(connection, id_, limit)

    found = with_pool(work)
    if not requests:
        typer.echo("\n".join(("failed lead\tat\tcode", *(_failed_line(each) for each in found))))
        return
    for each in found:
        fields = {"id": each.id, "at": each.at, "code": each.code, "request": orjson.Fragment(each.request)}
        typer.echo(orjson.dumps(fields))


def _failed_line(failed: FailedLead) -> str:
    return f"{failed.id}\t{_clock(failed.at)}\t{failed.code}"


def _lines(found: list[ListedAssignment]) -> Iterator[str]:
    yield HEADER
    for each in found:
        where = each.owner or f"queue {each.queue}"
        age = format_duration(_rounded(timedelta(seconds=each.age_seconds)))
        due = (_clock(each.accept_by), _clock(each.touch_by))
        cells = (each.assignment_id, each.lead_id, where, each.team or "-", age, *due, each.sla_state)
        yield "\t".join((*cells, str(each.attempt)))


def _rounded(age: timedelta) -> timedelta:
    """An age as people say it: in days, hours or minutes."""
    for unit in (timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)):
        if age >= unit:
            return age // unit * unit
    return age


def _clock(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%MZ}" if at is not None else "-"


def _age(text: str | None) -> timedelta | None:
    try:
        return parse_duration(text) if text is not None else None
    except ValueError:
        raise CommandError("--older-than: an integer with s, m, h, d or w, such as 3d.") from None

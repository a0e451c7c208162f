"""`lead-assignment report`: print a report."""

from datetime import datetime
from typing import Annotated

import orjson
import typer

from app.cli.context import CommandError, with_pool, workspace_chosen
from app.contract.reports import read_day, read_filters, read_names, read_within
from app.errors import ValidationFailed
from app.reports.ask import ReportRequest, ask
from app.reports.dimensions import DIMENSIONS
from app.reports.registry import REPORTS
from app.reports.upkeep import FactUpkeep
from app.store.connection.pool import Pool

DAY = ["%Y-%m-%d"]


def report(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(REPORTS)}.")],
    start: Annotated[
        datetime | None,
        typer.Option("--from", formats=DAY, help="The first local day. Default: 30 days ago."),
    ] = None,
    end: Annotated[
        datetime | None,
        typer.Option("--to", formats=DAY, help="The first day that is not included. Default: tomorrow."),
    ] = None,
    group_by: Annotated[
        list[str] | None, typer.Option(help="Up to three dimensions, such as team,week.")
    ] = None,
    filters: Annotated[
        list[str] | None, typer.Option("--filter", help="A dimension and a value, such as source:web.")
    ] = None,
    within: Annotated[str | None, typer.Option(help="How long outcomes count, such as 30d.")] = None,
    by: Annotated[str, typer.Option(help="What a row counts.")] = "",
    credit: Annotated[str, typer.Option(help="Which owner is credited.")] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, with definitions and details.")
    ] = False,
    bom: Annotated[
        bool, typer.Option("--bom", help="Begin with a byte order mark, for spreadsheets.")
    ] = False,
    workspace: Annotated[str | None, typer.Option(help="The workspace. Default: the only one.")] = None,
) -> None:
    """Print a report for a range of days as CSV. With --json, add definitions and details."""
    found = REPORTS.get(name)
    if found is None:
        raise CommandError(f"No report {name!r}. Use one of {', '.join(REPORTS)}.")
    chosen = dict.fromkeys((*DIMENSIONS, "reason", "signal"), ())

    async def work(pool: Pool) -> str:
        asked = ReportRequest(
            first=read_day(start.date().isoformat(), "from") if start is not None else None,
            last=read_day(end.date().isoformat(), "to") if end is not None else None,
            group_by=read_names(group_by or ()),
            filters=read_filters(chosen, filters or ()),
            within=read_within(within),
            by=by,
            credit=credit,
        )
        workspace_id = (await workspace_chosen(pool, workspace)).id
        answer = await ask(pool, FactUpkeep(pool), workspace_id, found, asked)
        if as_json:
            options = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z
            return orjson.dumps(await answer.to_json(), option=options).decode() + "\n"
        return await answer.result.table.to_csv(bom=bom)

    try:
        text = with_pool(work)
    except ValidationFailed as problem:
        raise CommandError("; ".join(f"{each.path[-1]} {each.detail}" for each in problem.faults)) from None
    typer.echo(text, nl=False)

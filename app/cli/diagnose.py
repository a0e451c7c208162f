"""`lead-assignment diagnose`: where the rules hurt."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import orjson
import typer

from app.cli.context import CommandError, with_pool, workspace_chosen
from app.contract.reports import DEFAULT_WITHIN, read_day, read_within
from app.diagnosis.run import Question
from app.diagnosis.run import diagnose as diagnose_workspace
from app.registry import strategies
from app.reports.upkeep import FactUpkeep
from app.store.connection.pool import Pool
from app.store.diagnosis.conversions import OUTCOMES


def diagnose(
    workspace: Annotated[str | None, typer.Option(help="The workspace. Default: the only one.")] = None,
    first: Annotated[
        datetime | None,
        typer.Option(
            "--from", formats=["%Y-%m-%d"], help="The first local day. Default: 30 days until today."
        ),
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="The local day after the last.")
    ] = None,
    outcome: Annotated[
        str, typer.Option(help=f"What leads should come to: {', '.join(OUTCOMES)}.")
    ] = "purchase",
    within: Annotated[str, typer.Option(help="The time that a lead has for it.")] = "30d",
    owners: Annotated[bool, typer.Option(help="Compare owners, if the workspace allows it.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON.")] = False,
) -> None:
    """Find where the rules hurt: findings with their evidence, the most certain first."""
    question = _question(first, last, outcome, within, owners=owners)

    async def work(pool: Pool) -> dict[str, Any]:
        id_ = (await workspace_chosen(pool, workspace)).id
        return await diagnose_workspace(pool, id_, strategies(), FactUpkeep(pool), question)

    found = with_pool(work)
    if json:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())
    else:
        typer.echo("\n".join(_lines(found)))


def _question(
    first: datetime | None, last: datetime | None, outcome: str, within: str, *, owners: bool
) -> Question:
    if outcome not in OUTCOMES:
        raise CommandError(f"--outcome must be one of {', '.join(OUTCOMES)}.")
    if first is not None and last is not None and first >= last:
        raise CommandError("--to must be after --from.")
    days = [
        read_day(day.date().isoformat(), option) if day is not None else None
        for day, option in ((first, "--from"), (last, "--to"))
    ]
    window = read_within(within) or DEFAULT_WITHIN
    return Question(days[0], days[1], outcome, window, "on" if owners else "forbidden")


def _lines(found: dict[str, Any]) -> Iterator[str]:
    period, correction = found["period"], found["correction"]
    yield (
        f"From {period['from']} until before {period['to']} ({period['time_zone']}),"
        f" {correction['tests']} tests, as of {found['as_of']['at']:%Y-%m-%d %H:%M} UTC."
    )
    for number, each in enumerate(found["findings"], start=1):
        confidence = each["confidence"]
        certain = confidence["passed"] is None
        how = "certain" if certain else f"{confidence['level']}, p {confidence['p_holm']:.2g} by Holm"
        yield ""
        yield f"{number}. {each['code']} ({how})"
        yield f"   {each['text']}"
        yield f"   Look at: {each['look_at']}"
    if not found["findings"]:
        yield "Nothing was found."
    silent = [each["code"] for each in found["checks"] if each["state"] != "done"]
    if silent:
        yield ""
        yield f"Not tested, as there are too few leads or it is off: {', '.join(silent)}."

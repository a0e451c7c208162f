"""`lead-assignment demo`: a simulated week against a development server, over HTTP only."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from app.cli.context import CommandError, progress
from app.cli.week import world
from app.cli.week.client import Client
from app.cli.week.play import TICK, Week, next_monday
from app.keys import DEVELOPMENT_KEY


def demo(
    days: Annotated[int, typer.Option(min=1, max=28, help="How many days.")] = 7,
    leads: Annotated[int, typer.Option(min=1, max=100_000, help="How many leads come in this time.")] = 2000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same week.")] = 1,
    url: Annotated[str, typer.Option(help="A development server.")] = "http://127.0.0.1:8000",
    key: Annotated[str, typer.Option(help="A key with the scope admin.")] = DEVELOPMENT_KEY,
    start: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The first day. Default: the next Monday."),
    ] = None,
) -> None:
    """Play a week of leads, claims, rejects, leave, missed deadlines and sales on a development server.

    It replaces the plan of the workspace, adds owners and teams, and moves its clock. Use an empty workspace.
    """
    with Client(url, key) as client:
        now = _clock_of(client)
        first = next_monday(now) if start is None else start.replace(tzinfo=UTC)
        if first < now:
            raise CommandError("--start: the time of a workspace never goes back. Choose a later day.")
        week = Week(client, seed, first, days, leads)
        with progress(int((week.end - week.start) / TICK), "A week") as bar:
            for step in week.play():
                bar.update(int(step / TICK))
        typer.echo("\n".join(_closing_table(client, week)))
        wrong = list(_differences(client))
    if wrong:
        raise CommandError("\n".join(["The numbers do not add up:", *(f"  {line}" for line in wrong)]))
    typer.echo("\nEvery lead has an owner, a queue, a path or a list, and every ledger sums to zero.")
    typer.echo("Check every decision, ledger and clock with `lead-assignment verify`.")


def _clock_of(client: Client) -> datetime:
    """The time of the workspace. Raises CommandError unless it is a development server."""
    status, body = client.send("GET", "/dev/clock")
    if status != 200:
        raise CommandError(f"GET /dev/clock answers {status}. The demo needs a development server.")
    return datetime.fromisoformat(body["now"])


def _closing_table(client: Client, week: Week) -> Iterator[str]:
    gauges = client.gauges()
    yield ""
    yield f"{week.days} days from {week.start:%A %d %B %Y}, seed {week.seed}"
    rows = [*sorted(week.counts.items()), ("revenue (EUR)", week.revenue)]
    yield from _lines("What happened", rows)
    yield from _lines("Actions executed", sorted(week.actions.items()))
    yield from _lines("What owners were told", sorted(week.notices.items()))
    states = [
        (name.partition('"')[2].partition('"')[0], int(value))
        for name, value in sorted(gauges.items())
        if name.startswith("lead_assignment_leads{") and value
    ]
    yield from _lines("Where the leads are", states)
    shares = [(person, _open_of(client, person)) for person in world.people()]
    yield from _lines("Open leads by owner", [each for each in shares if each[1]])


def _lines(title: str, rows: list[tuple[str, int]]) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield title
    for name, value in rows:
        yield f"  {name.replace('_', ' '):<40}{value:>9,}"


def _open_of(client: Client, owner: str) -> int:
    return len(client.get("/assignments", owner=owner, limit=1000)["items"])


def _differences(client: Client) -> Iterator[str]:
    """What does not add up, as far as callers can see it."""
    unaccounted = sum(
        value
        for name, value in client.gauges().items()
        if name.startswith("lead_assignment_unaccounted_leads")
    )
    if unaccounted:
        yield f"{unaccounted:.0f} leads are in no state"
    for team in (*world.COUNTRIES, world.CUSTOMER_TEAM):
        detail: dict[str, Any] = client.get(f"/teams/{team}")
        total = sum(member["balance"] for member in detail["members"])
        if total:
            yield f"the balances of {team} sum to {total}"
    after: str | None = "0"
    while after is not None:
        page = client.get("/assignments", limit=1000, after=after)
        for each in page["items"]:
            if not (each["owner"] or each["queue"] or each["path"]):
                yield f"the lead {each['lead_id']} is nowhere"
        after = page["next"]

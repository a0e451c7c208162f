"""`lead-assignment teams`: the weights of members."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from app.cli.context import CommandError, system_user, with_pool, workspace_chosen
from app.contract.directory import MemberSettings, TeamInput, parse_record
from app.directory import records
from app.directory.teams import Member, with_member
from app.store.connection.pool import Pool

commands = typer.Typer(help="Teams.", no_args_is_help=True)


@commands.callback()
def _group() -> None:
    """Teams."""


@commands.command()
def weight(
    team: Annotated[str, typer.Argument(help="The team's id.")],
    owner: Annotated[str, typer.Argument(help="The member's id.")],
    share: Annotated[float, typer.Argument(metavar="WEIGHT", help="The member's share: 0 to 1000.")],
    workspace: Annotated[str | None, typer.Option(help="The workspace. Default: the only one.")] = None,
) -> None:
    """Set a member's weight. Balances and other members stay as they are."""

    def change(member: Member | None) -> Member:
        if member is None:
            raise CommandError(f"{owner!r} is not in team {team!r}.")
        settings = {name: value for name, value in member.items() if name != "owner"}
        return {**parse_record(MemberSettings, {**settings, "weight": share}), "owner": owner}

    def make(before: Mapping[str, Any] | None) -> dict[str, Any]:
        if before is None:
            raise CommandError(f"No team {team!r}.")
        return parse_record(TeamInput, with_member(before, owner, change))

    async def work(pool: Pool) -> None:
        id_ = (await workspace_chosen(pool, workspace)).id
        await records.write(pool, id_, system_user(), "teams", team, make)

    with_pool(work)
    typer.echo(f"{owner} has weight {share:g} in team {team}.")

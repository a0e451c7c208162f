"""`lead-assignment clock`: the time of decisions after the clock of a machine had jumped ahead."""

from typing import Annotated

import typer

from app.cli.context import with_pool, workspace_named
from app.directory import clock
from app.store import workspaces as store
from app.store.connection.pool import Pool

commands = typer.Typer(no_args_is_help=True, help="The time of decisions.")


@commands.callback()
def _group() -> None:
    """The time of decisions."""


@commands.command()
def repair(
    workspace: Annotated[str | None, typer.Option(help="Only this workspace. Default: all.")] = None,
) -> None:
    """Bring back what is dated in the future, after the clock of a machine had jumped ahead."""

    async def work(pool: Pool) -> None:
        if workspace is not None:
            chosen = [await workspace_named(pool, workspace)]
        else:
            async with pool.acquire() as connection:
                chosen = await store.list_workspaces(connection)
        for each in chosen:
            done = await clock.repair(pool, each.id)
            typer.echo(
                f"workspace {each.name!r}: {done.clocks} clocks, {done.places} places in queues, "
                f"{done.progress} assignments in progress, {done.actions} actions, "
                f"{done.keys} idempotency keys, {done.held} held leads, {done.pauses} pauses and "
                f"{done.absences} absences brought back"
            )

    with_pool(work)

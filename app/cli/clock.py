"""`lead-assignment clock`: the time of decisions after the clock of a machine had jumped ahead."""

from collections.abc import Sequence
from typing import Annotated

import typer

from app.cli.context import with_pool, workspace_named
from app.directory import clock
from app.store import workspaces as store
from app.store.connection.pool import Pool
from app.store.workspaces import Workspace

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
        for each in await _chosen(pool, workspace):
            done = await clock.repair(pool, each.id)
            typer.echo(
                f"workspace {each.name!r}: {done.clocks} clocks, {done.places} places in queues, "
                f"{done.progress} assignments in progress, {done.actions} actions, "
                f"{done.keys} idempotency keys, {done.held} held leads, {done.pauses} pauses and "
                f"{done.absences} absences brought back"
            )

    with_pool(work)


@commands.command()
def reset(
    workspace: Annotated[str | None, typer.Option(help="Only this workspace. Default: all.")] = None,
) -> None:
    """Return to the real time where development had set a clock; then run `clock repair`."""

    async def work(pool: Pool) -> None:
        for each in await _chosen(pool, workspace):
            reading = await clock.remove(pool, each.id)
            typer.echo(f"workspace {each.name!r}: it is {reading.now.isoformat(timespec='seconds')}")

    with_pool(work)


async def _chosen(pool: Pool, workspace: str | None) -> Sequence[Workspace]:
    if workspace is not None:
        return [await workspace_named(pool, workspace)]
    async with pool.acquire() as connection:
        return await store.list_workspaces(connection)

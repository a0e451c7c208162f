"""`lead-assignment verify`: check the stored data."""

from typing import Annotated

import typer

from app.audit.verify import verify as verify_workspace
from app.cli.context import CommandError, with_pool, workspace_named
from app.store import workspaces as store
from app.store.connection.pool import Pool


def verify(
    workspace: Annotated[str | None, typer.Option(help="Only this workspace. Default: all.")] = None,
) -> None:
    """Replay every stored decision, sum up every ledger, and count every lead."""

    async def work(pool: Pool) -> list[str]:
        if workspace is not None:
            chosen = [await workspace_named(pool, workspace)]
        else:
            async with pool.acquire() as connection:
                chosen = await store.list_workspaces(connection)
        wrong = []
        for each in chosen:
            report = await verify_workspace(pool, each.id)
            typer.echo("\n".join([f"workspace {each.name!r}", *(f"  {line}" for line in report.lines())]))
            if not report.clean:
                wrong.append(each.name)
        return wrong

    wrong = with_pool(work)
    if wrong:
        raise CommandError(f"Differences found in: {', '.join(wrong)}.")

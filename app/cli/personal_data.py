"""`lead-assignment leads export` and `leads erase`: what is held about a person."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, TypeVar
from uuid import UUID

import orjson
import typer

from app.cli.context import CommandError, settings_now, system_user, with_pool, workspace_chosen
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.erasing import erase_person
from app.metrics.process import Metrics
from app.privacy.erasure import ErasureReport
from app.privacy.export import Export, export_lead
from app.registry import strategies
from app.store.connection.pool import Pool

erasures = typer.Typer(
    help="The log of erasures, to repeat them on a restored database.", no_args_is_help=True
)
Lead = Annotated[UUID, typer.Argument(metavar="LEAD", help="The id of the lead.")]
InWorkspace = Annotated[str | None, typer.Option(help="The workspace. Default: the only one.")]
Result = TypeVar("Result")
_PRETTY = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z


def export(lead: Lead, workspace: InWorkspace = None) -> None:
    """Print everything that is held about the person behind a lead, as JSON."""

    async def work(pool: Pool) -> Export:
        return await export_lead(pool, (await workspace_chosen(pool, workspace)).id, str(lead))

    typer.echo(orjson.dumps(asdict(with_pool(work)), option=_PRETTY).decode())


def erase(
    lead: Lead,
    yes: Annotated[bool, typer.Option("--yes", help="Confirm. This cannot be undone.")] = False,
    workspace: InWorkspace = None,
) -> None:
    """Erase what is held about the person behind a lead. Print who had received it, and what is kept."""
    if not yes:
        raise CommandError("This erases the person and cannot be undone. Confirm with --yes.")

    async def work(pool: Pool, dispatch: Dispatcher) -> ErasureReport:
        id_ = (await workspace_chosen(pool, workspace)).id
        return await erase_person(pool, dispatch, id_, str(lead), system_user())

    typer.echo(orjson.dumps(asdict(with_dispatch(work)), option=_PRETTY).decode())


def with_dispatch(work: Callable[[Pool, Dispatcher], Awaitable[Result]]) -> Result:
    """Run `work` with a pool and a dispatcher of this process."""

    async def opened(pool: Pool) -> Result:
        deadline = settings_now().request_timeout_seconds
        dispatch = Dispatcher(pool, strategies(), Metrics(), deadline=deadline)
        try:
            return await work(pool, dispatch)
        finally:
            await dispatch.close()

    return with_pool(opened)

"""`lead-assignment retention`: how long data of a workspace is kept."""

from typing import Annotated

import orjson
import typer
from pydantic import ValidationError

from app.cli.context import system_user, with_pool, workspace_chosen
from app.contract.directory import RetentionSettings, to_record
from app.contract.faults import validation_failed
from app.directory import records
from app.directory.records import Precondition
from app.privacy.settings import RETENTION
from app.store.connection.pool import Pool
from app.store.directory.settings import RESOURCE_TYPE

commands = typer.Typer(help="How long data is kept.", no_args_is_help=True)
InWorkspace = Annotated[str | None, typer.Option(help="The workspace. Default: the only one.")]
Kept = Annotated[list[str], typer.Argument(metavar="NAME=PERIOD...", help="Such as leads=24mo raw=14d.")]
NONE = "forever"


@commands.callback()
def _group() -> None:
    """How long data is kept."""


@commands.command()
def show(workspace: InWorkspace = None) -> None:
    """Print how long data is kept."""

    async def work(pool: Pool) -> dict[str, str | None]:
        return RETENTION.whole(await RETENTION.find(pool, (await workspace_chosen(pool, workspace)).id))

    for name, period in with_pool(work).items():
        typer.echo(f"{name}\t{period or NONE}")


@commands.command("set")
def change(kept: Kept, workspace: InWorkspace = None) -> None:
    """Change how long data is kept. What is older is deleted for good."""
    given = dict(each.partition("=")[::2] for each in kept)
    asked = {name: None if period == NONE else period for name, period in given.items()}

    async def work(pool: Pool) -> bytes:
        id_ = (await workspace_chosen(pool, workspace)).id
        whole = RETENTION.whole(await RETENTION.find(pool, id_)) | asked
        try:
            record = to_record(RetentionSettings.model_validate(whole))
        except ValidationError as error:
            raise validation_failed(error) from None
        written = await records.write(
            pool, id_, system_user(), RESOURCE_TYPE, RETENTION.id, lambda _: record, Precondition()
        )
        return orjson.dumps(written.record.body)

    typer.echo(with_pool(work).decode())

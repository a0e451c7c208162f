"""One run of `lead-assignment assign`: read the file, decide its leads, count the outcomes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from app.cli.context import progress
from app.cli.files.columns import ColumnOptions
from app.cli.files.leads import read_leads
from app.cli.files.outcomes import OutcomeCounts, OutcomeFile
from app.cli.sending import BATCH_SIZE, Outcomes, check_trigger, keys_of, send
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.assign import Assign
from app.metrics import Metrics
from app.plan.document.own_fields import declare_fields
from app.plan.language.fields import Field
from app.plugins.process import PluginLimits
from app.registry import strategies
from app.store import plans
from app.store.connection.pool import Pool
from app.store.path.current_state import read_current_state


@dataclass(frozen=True, slots=True)
class Run:
    """What the command was asked to do. `deadline` is the request timeout of the service, in seconds."""

    path: Path
    columns: ColumnOptions
    trigger: str
    id_column: str | None
    dry_run: bool
    deadline: float
    plugins: PluginLimits = field(default_factory=PluginLimits)


async def outcomes_of(pool: Pool, workspace_id: int, run: Run, report: OutcomeFile | None) -> OutcomeCounts:
    """Decide the leads of a file and count the outcomes.

    Each batch is committed on its own. A dry run decides all leads from one copy of the state.
    Raises CommandError.
    """
    check_trigger(run.trigger)
    file = read_leads(run.path, run.columns, await own_fields(pool, workspace_id))
    keys = keys_of(file, run.id_column, run.trigger)
    outcomes = OutcomeCounts()
    for number, problem in file.faults:
        _write(report, outcomes.add(number, problem))
    dispatch = Dispatcher(pool, strategies(), Metrics(), deadline=run.deadline, plugins=run.plugins)

    def job(position: int) -> Assign:
        arrival = file.good[position].arrival
        return Assign(key=keys[position], bulk=True, arrival=arrival, trigger=run.trigger)

    if run.dry_run:
        batches = _dry_run(dispatch, workspace_id, [job(position) for position in range(len(file))])
    else:
        batches = send(dispatch, workspace_id, len(file), job)
    lines = iter(file.good)
    try:
        with progress(len(file), "Deciding (dry run)" if run.dry_run else "Assigning") as bar:
            async for batch in batches:
                for outcome, line in zip(batch, lines, strict=False):
                    _write(report, outcomes.add(line.line, outcome))
                bar.update(len(batch))
    finally:
        await dispatch.close()
    return outcomes


def _write(report: OutcomeFile | None, row: dict[str, object]) -> None:
    if report is not None:
        report.write(row)


async def _dry_run(dispatch: Dispatcher, workspace_id: int, jobs: list[Assign]) -> AsyncIterator[Outcomes]:
    dry_run = await dispatch.open_dry_run(workspace_id, jobs)
    for start in range(0, len(jobs), BATCH_SIZE):
        yield await dry_run.take(jobs[start : start + BATCH_SIZE])


async def own_fields(pool: Pool, workspace_id: int) -> tuple[Field, ...]:
    """The fields that the active plan declares."""
    version = (await read_current_state(pool, workspace_id)).entry.plan_version
    if not version:
        return ()
    return declare_fields((await plans.read_document(pool, workspace_id, version)).get("fields"))

"""One run of the leads of a file: read, decided or rehearsed, counted."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from app.cli.files.columns import ColumnOptions
from app.cli.files.leads import LeadFile, read_leads
from app.cli.files.outcomes import OutcomeCounts, OutcomeFile
from app.cli.progress import progress
from app.cli.sending import SLICE, Told, check_trigger, keys_of, sent
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.assign import Assign
from app.dispatch.jobs.base import IdempotencyKey
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
    """What the command was asked for; `deadline` is in seconds, as the service has it."""

    path: Path
    wishes: ColumnOptions
    trigger: str
    key: str | None
    dry: bool
    deadline: float
    plugins: PluginLimits = field(default_factory=PluginLimits)


async def outcomes_of(pool: Pool, workspace_id: int, run: Run, rows: OutcomeFile | None) -> OutcomeCounts:
    """Decide the leads of a file, each slice durable by itself, or rehearse them all with one state.

    Raises Stop.
    """
    check_trigger(run.trigger)
    file = read_leads(run.path, run.wishes, await own_fields(pool, workspace_id))
    keys = keys_of(file, run.key, run.trigger)
    outcomes = OutcomeCounts()
    for number, problem in file.faults:
        _tell(rows, outcomes.add(number, problem))
    dispatch = Dispatcher(pool, strategies(), Metrics(), deadline=run.deadline, plugins=run.plugins)
    told = (_rehearsed if run.dry else _decided)(dispatch, workspace_id, file, keys, run.trigger)
    lines = iter(file.good)
    try:
        with progress(len(file), "Rehearsing" if run.dry else "Assigning") as bar:
            async for part in told:
                for each, line in zip(part, lines, strict=False):
                    _tell(rows, outcomes.add(line.line, each))
                bar.update(len(part))
    finally:
        await dispatch.close()
    return outcomes


def _tell(rows: OutcomeFile | None, row: dict[str, object]) -> None:
    if rows is not None:
        rows.write(row)


def _job(file: LeadFile, keys: list[IdempotencyKey], trigger: str, place: int) -> Assign:
    return Assign(key=keys[place], bulk=True, arrival=file.good[place].arrival, trigger=trigger)


def _decided(
    dispatch: Dispatcher, workspace_id: int, file: LeadFile, keys: list[IdempotencyKey], trigger: str
) -> AsyncIterator[Told]:
    return sent(dispatch, workspace_id, len(file), lambda place: _job(file, keys, trigger, place))


async def _rehearsed(
    dispatch: Dispatcher, workspace_id: int, file: LeadFile, keys: list[IdempotencyKey], trigger: str
) -> AsyncIterator[Told]:
    jobs = [_job(file, keys, trigger, place) for place in range(len(file))]
    open_dry_run = await dispatch.open_dry_run(workspace_id, jobs)
    for start in range(0, len(jobs), SLICE):
        yield await open_dry_run.take(jobs[start : start + SLICE])


async def own_fields(pool: Pool, workspace_id: int) -> tuple[Field, ...]:
    """The fields that the active plan declares itself."""
    version = (await read_current_state(pool, workspace_id)).entry.plan_version
    if not version:
        return ()
    return declare_fields((await plans.read_document(pool, workspace_id, version)).get("fields"))

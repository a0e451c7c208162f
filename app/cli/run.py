"""One run of `lead-assignment assign`: read the file, decide its leads, count the outcomes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from app.cli.context import progress
from app.cli.files.leads import Entry, LeadFile, LeadLine, LeadOptions, LineFault, open_leads
from app.cli.files.outcomes import OutcomeCounts, OutcomeFile
from app.cli.files.times import read_time, zone_of
from app.cli.sending import (
    BATCH_SIZE,
    DRY_RUN_BATCH_SIZE,
    KeyedLine,
    Outcomes,
    batches,
    check_trigger,
    send,
    with_keys,
)
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.dry_run import DryRun
from app.dispatch.jobs.assign import Assign
from app.errors import ValidationFailed
from app.metrics.process import Metrics
from app.plan.document.own_fields import declare_fields
from app.plan.language.fields import Field
from app.plugins.process import PluginLimits
from app.registry import strategies
from app.store import plans
from app.store.connection.pool import Pool
from app.store.path.current_state import read_current_state

_ALL_NOW = "All lines are decided at this second, so caps, hours and absences are those of now."


@dataclass(frozen=True, slots=True)
class Run:
    """What the command was asked to do. `deadline` is the request timeout of the service, in seconds."""

    path: Path
    options: LeadOptions
    trigger: str
    dry_run: bool
    deadline: float
    plugins: PluginLimits = field(default_factory=PluginLimits)


async def outcomes_of(pool: Pool, workspace_id: int, run: Run, report: OutcomeFile | None) -> OutcomeCounts:
    """Decide the leads of a file and count the outcomes.

    Each batch is committed on its own. A dry run decides all leads from one copy of the state.
    Raises CommandError.
    """
    check_trigger(run.trigger)
    file = open_leads(run.path, run.options, await own_fields(pool, workspace_id))
    outcomes = OutcomeCounts()
    entries = _in_order(file, run, outcomes.notes)
    dispatch = Dispatcher(pool, strategies(), Metrics(), deadline=run.deadline, plugins=run.plugins)
    decider = _Decider(dispatch, workspace_id, run)
    try:
        with progress(len(file), "Deciding (dry run)" if run.dry_run else "Assigning") as bar:
            keyed = with_keys(file, entries, run.trigger, by_submission=True)
            for batch in batches(keyed, DRY_RUN_BATCH_SIZE if run.dry_run else BATCH_SIZE):
                decided = await decider.decide([each for each in batch if isinstance(each, KeyedLine)])
                for row in _rows(batch, decided, outcomes):
                    if report is not None:
                        report.write(row)
                bar.update(len(batch))
        await dispatch.attribute_names.write()
    finally:
        await dispatch.close()
    outcomes.notes += file.notes()
    return outcomes


def _rows(
    batch: Iterable[KeyedLine | LineFault], decided: Outcomes, outcomes: OutcomeCounts
) -> Iterator[dict[str, Any]]:
    """Count the lines of a batch, and yield their rows for the report file in order."""
    rest = iter(decided)
    for each in batch:
        if isinstance(each, LineFault):
            yield outcomes.add_fault(each)
        else:
            yield outcomes.add(each.line, next(rest))


@dataclass(slots=True)
class _Decider:
    """Decides the lines of a run, batch by batch."""

    dispatch: Dispatcher
    workspace_id: int
    run: Run
    _dry_run: DryRun | None = None
    _done: int = 0

    async def decide(self, lines: Sequence[KeyedLine]) -> Outcomes:
        """The outcomes of the next lines."""
        make_jobs = [partial(self._job, each) for each in lines]
        if not self.run.dry_run:
            outcomes = await send(self.dispatch, self.workspace_id, make_jobs, self._done)
            self._done += len(lines)
            return outcomes
        jobs = [make() for make in make_jobs]
        if self._dry_run is None:
            self._dry_run = await self.dispatch.open_dry_run(self.workspace_id, jobs)
        else:
            await self._dry_run.read(jobs)
        return await self._dry_run.take(jobs, [each.line.at for each in lines])

    def _job(self, each: KeyedLine) -> Assign:
        return Assign(key=each.key, bulk=True, arrival=each.line.arrival, trigger=self.run.trigger)


def _in_order(file: LeadFile, run: Run, notes: list[str]) -> Iterable[Entry]:
    """The lines in the order in which they are decided: of their times, if the file has them."""
    column = file.options.time_column
    if (column is None or not run.dry_run) and len(file) > 1:
        remedy = "Use --time-column to decide each line at its own time."
        notes.append(f"{_ALL_NOW} {remedy if run.dry_run else 'A dry run can use --time-column.'}")
    if column is None or _is_ordered(file.cells_of(column), file.options):
        return file.entries()
    notes.append(
        f"The lines are not in the order of {column!r}. They are decided in the order of their times."
    )
    return _sorted(file.entries())


def _is_ordered(cells: Iterator[object], options: LeadOptions) -> bool:
    last = None
    for cell in cells:
        try:
            at = read_time(
                str(cell or ""), options.dates, zone_of(options.time_column or "", options.zone)
            ).at
        except ValidationFailed:
            continue
        if last is not None and at < last:
            return False
        last = at
    return True


def _sorted(entries: Iterable[Entry]) -> list[Entry]:
    """Faulty lines first, then the others by time."""
    all_ = list(entries)
    faulty = [each for each in all_ if isinstance(each, LineFault)]
    timed = [(each.at, each) for each in all_ if isinstance(each, LeadLine) and each.at is not None]
    return [*faulty, *(each for _, each in sorted(timed, key=lambda pair: pair[0]))]


async def own_fields(pool: Pool, workspace_id: int) -> tuple[Field, ...]:
    """The fields that the active plan declares."""
    version = (await read_current_state(pool, workspace_id)).entry.plan_version
    if not version:
        return ()
    return declare_fields((await plans.read_document(pool, workspace_id, version)).get("fields"))

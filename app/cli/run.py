"""One run of the leads of a file: read, decided or rehearsed, counted."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from app.cli.files.columns import Wishes
from app.cli.files.leads import LeadFile, read_leads
from app.cli.files.outcomes import OutcomeFile, Outcomes
from app.cli.progress import progress
from app.cli.sending import SLICE, Told, check_trigger, keys_of, sent
from app.dispatch.dispatcher import Dispatch
from app.dispatch.jobs.base import Assign, Key
from app.metrics import Measures
from app.plan.document.own_fields import declared
from app.plan.language.fields import Field
from app.plugins.conversation import PlugInLimits
from app.registry import strategies
from app.store import plans
from app.store.connection.pool import Pool
from app.store.path.unlocked import present


@dataclass(frozen=True, slots=True)
class Run:
    """What the command was asked for; `deadline` is in seconds, as the service has it."""

    path: Path
    wishes: Wishes
    trigger: str
    key: str | None
    dry: bool
    deadline: float
    plug_ins: PlugInLimits = field(default_factory=PlugInLimits)


async def outcomes_of(pool: Pool, workspace_id: int, run: Run, rows: OutcomeFile | None) -> Outcomes:
    """Decide the leads of a file, each slice durable by itself, or rehearse them all with one state.

    Raises Stop.
    """
    check_trigger(run.trigger)
    file = read_leads(run.path, run.wishes, await own_fields(pool, workspace_id))
    keys = keys_of(file, run.key, run.trigger)
    outcomes = Outcomes()
    for number, problem in file.faults:
        _tell(rows, outcomes.add(number, problem))
    dispatch = Dispatch(pool, strategies(), Measures(), deadline=run.deadline, plug_ins=run.plug_ins)
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


def _job(file: LeadFile, keys: list[Key], trigger: str, place: int) -> Assign:
    return Assign(key=keys[place], bulk=True, arrival=file.good[place].arrival, trigger=trigger)


def _decided(
    dispatch: Dispatch, workspace_id: int, file: LeadFile, keys: list[Key], trigger: str
) -> AsyncIterator[Told]:
    return sent(dispatch, workspace_id, len(file), lambda place: _job(file, keys, trigger, place))


async def _rehearsed(
    dispatch: Dispatch, workspace_id: int, file: LeadFile, keys: list[Key], trigger: str
) -> AsyncIterator[Told]:
    jobs = [_job(file, keys, trigger, place) for place in range(len(file))]
    rehearsal = await dispatch.rehearsal(workspace_id, jobs)
    for start in range(0, len(jobs), SLICE):
        yield await rehearsal.take(jobs[start : start + SLICE])


async def own_fields(pool: Pool, workspace_id: int) -> tuple[Field, ...]:
    """The fields that the active plan declares itself."""
    version = (await present(pool, workspace_id)).entry.plan_version
    if not version:
        return ()
    return declared((await plans.document(pool, workspace_id, version)).get("fields"))

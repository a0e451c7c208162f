"""The worker: runs each duty where something is due, over and over.

Every process has a worker, and none is in charge. One look at all workspaces says which of them to visit; one
look at a workspace says which duties may have something to do there. However many workspaces are idle, those
with due work are visited first. Due work is found without a lock and dispatched as jobs like any other; each
job checks again under the workspace lock. When two workers find the same work, the second job has no effect.
What one process does not finish, another does, or the same one after a restart.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Protocol

import structlog

from app.background import in_background
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.failures import CONTENTION_ERRORS, is_database_error
from app.errors import DatabaseUnavailable, Problem, WorkspaceDeleted
from app.forms.fetch.fetcher import Fetcher
from app.logs import to_json
from app.metrics.process import Metrics
from app.outbox.delivery import TargetSender
from app.store import installation
from app.store.connection.pool import Pool, transaction
from app.store.life.agenda import Agenda, read_agenda
from app.store.life.due_workspaces import WorkspaceLook, look_at_workspaces
from app.troubles import Troubles
from app.worker.account_names import AccountNames
from app.worker.bulk_jobs import BulkJobs
from app.worker.clock_firing import ClockFiring
from app.worker.clock_recounts import ClockRecounts
from app.worker.crm_inbox import CrmInbox
from app.worker.crm_upkeep import CrmUpkeep
from app.worker.form_fetches import FormFetches
from app.worker.held_releases import HeldReleases
from app.worker.idle_closing import IdleClosing
from app.worker.leave import Leave
from app.worker.outbox import Outbox
from app.worker.owner_erasures import OwnerErasures
from app.worker.owner_pauses import OwnerPauses
from app.worker.queue_order import QueueOrder
from app.worker.queue_waits import QueueWaits
from app.worker.rechecks import Rechecks
from app.worker.report_facts import ReportFacts
from app.worker.retention import Retention
from app.worker.share_facts import ShareFacts
from app.worker.shift_releases import ShiftReleases
from app.worker.target_deliveries import TargetDeliveries
from app.worker.visits import Visits

YIELD_SECONDS = 0.01
"""The pause between two workspaces without due work, so that many do not keep the process busy."""
MAX_PAUSE_SECONDS = 15.0
LAST_WRITE_SECONDS = 2.0
"""How long the names of attributes may take to be stored at the end. Without them a finding is missed."""

log = structlog.get_logger()


class Duty(Protocol):
    """One kind of work that comes due."""

    def is_due(self, agenda: Agenda) -> bool:
        """Whether there may be something to do in a workspace."""
        ...

    async def run(self, agenda: Agenda) -> bool:
        """Do one slice of what is due in the workspace. Returns whether there may be more."""
        ...


def duties(pool: Pool, dispatch: Dispatcher) -> list[Duty]:
    """Every duty that changes what is stored, in the order in which a round runs them."""
    return [
        HeldReleases(pool, dispatch),
        QueueWaits(pool, dispatch),
        Rechecks(pool, dispatch),
        ShiftReleases(pool, dispatch),
        QueueOrder(pool, dispatch),
        ClockRecounts(pool),
        CrmInbox(pool, dispatch),
        ClockFiring(pool, dispatch),
        OwnerPauses(pool),
        Leave(pool),
        CrmUpkeep(pool, dispatch),
        BulkJobs(pool, dispatch),
        IdleClosing(pool, dispatch),
        Outbox(pool),
        Retention(pool),
        OwnerErasures(pool, dispatch.plans.fetch),
        ReportFacts(pool),
        ShareFacts(pool),
        AccountNames(pool),
    ]


async def perform(duties: Sequence[Duty], agenda: Agenda, troubles: Troubles) -> tuple[bool, bool]:
    """Run what is due in one workspace. Returns whether there may be more, and whether anything was due.

    A duty that fails because of a defect, or of what is stored, holds up neither the next one nor other
    workspaces. Raises errors of the database, and those that mean that other work is in the way.
    """
    busy, active = False, False
    for duty in duties:
        if duty.is_due(agenda):
            active = True
            try:
                busy |= await duty.run(agenda)
            except Exception as error:
                if not _is_of_a_duty(error):
                    raise
                _note_failure(troubles, type(duty).__name__, error, workspace_id=agenda.workspace_id)
    return busy, active


def _is_of_a_duty(error: Exception) -> bool:
    """Whether neither the database nor other work is the reason, so that the next duty may well succeed."""
    if isinstance(error, Problem):
        return not isinstance(error, WorkspaceDeleted) and error.status != DatabaseUnavailable.status
    return not (is_database_error(error) or isinstance(error, CONTENTION_ERRORS))


def _note_failure(troubles: Troubles, duty: str, error: Exception, **fields: object) -> None:
    troubles.note("duty_failed", duty=duty, **fields, **to_json(error))


class Worker:
    """Runs the duties, workspace by workspace. While nothing is due it rests for `every` seconds.

    In `development` a workspace may have a clock of its own. Elsewhere that is a trouble.
    """

    def __init__(
        self,
        pool: Pool,
        dispatch: Dispatcher,
        sender: TargetSender,
        fetcher: Fetcher,
        every: float,
        metrics: Metrics,
        *,
        development: bool = False,
    ) -> None:
        self._development = development
        self._pool = pool
        self._metrics = metrics
        self._dispatch = dispatch
        self._every = every
        self._sending = TargetDeliveries(pool, sender)
        self._fetching = FormFetches(pool, fetcher)
        self._duties: Sequence[Duty] = [*duties(pool, dispatch), self._sending, self._fetching]
        self._visits = Visits()
        self._refused = False

    async def run(self) -> None:
        """Run until canceled. Without a database it rests longer and longer, and logs that once."""
        try:
            await self._run()
        finally:
            await self._fetching.close()
            await self._sending.close()

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                busy = await self._round()
                if failures:
                    log.info("worker resumed")
                failures = 0
                self._metrics.worker_progressed()
            except Exception as error:
                busy, failures = False, failures + 1
                self._metrics.worker_progressed()
                if failures == 1:
                    log.warning("worker waits", **to_json(error))
                if _is_of_a_duty(error):
                    _note_failure(self._metrics.troubles, "round", error)
            if not busy:
                await asyncio.sleep(min(MAX_PAUSE_SECONDS, self._every * 2 ** min(failures, 10)))

    async def _round(self) -> bool:
        """Visit what has due work, and for a while the others. Returns whether more is to be done at once."""
        if await self._refuses():
            return False
        due, others = self._visits.plan(await look_at_workspaces(self._pool))
        busy = False
        for look in due:
            busy |= await self._visit(look)
        # While due work is left, the others get little time, but some.
        until = time.monotonic() + self._every / (20 if busy else 2)
        for position, look in enumerate(others, 1):
            busy |= await self._visit(look)
            await asyncio.sleep(YIELD_SECONDS)
            if time.monotonic() > until and position < len(others):
                busy = True  # they come first in the next round, after what is due by then
                break
        await self._dispatch.attribute_names.write()
        return busy

    async def _visit(self, look: WorkspaceLook) -> bool:
        """Run what is due in one workspace. Returns whether it had more than one slice of work."""
        began = time.monotonic()
        try:
            async with transaction(self._pool, look.workspace_id, read_only=True) as connection:
                agenda = await read_agenda(connection, look.workspace_id)
            if agenda.run.own_clock and not self._development:
                self._metrics.troubles.note("clock_set", workspace_id=look.workspace_id)
            busy, active = await perform(self._duties, agenda, self._metrics.troubles)
        except WorkspaceDeleted:
            return False
        except CONTENTION_ERRORS as error:
            log.info("workspace put off", workspace_id=look.workspace_id, error=type(error).__name__)
            self._visits.put_off(look)
            return False
        self._visits.note(look, began, active=active)
        self._metrics.worker_progressed()
        return busy

    async def _refuses(self) -> bool:
        """Whether this database is a copy, whose due work the original does. Logs it once."""
        before, self._refused = self._refused, not await installation.acts_here(self._pool)
        if self._refused and not before:
            log.error("worker refuses a copy", remedy="lead-assignment resume --here")
        return self._refused


@asynccontextmanager
async def working(
    pool: Pool,
    dispatch: Dispatcher,
    sender: TargetSender,
    fetcher: Fetcher,
    every: float,
    metrics: Metrics,
    *,
    development: bool = False,
) -> AsyncIterator[None]:
    """Run a worker while the service runs. At the end, a job under way is committed or left to others."""
    try:
        worker = Worker(pool, dispatch, sender, fetcher, every, metrics, development=development)
        async with in_background(worker.run(), "worker"):
            yield
    finally:
        with suppress(Exception):
            await asyncio.wait_for(dispatch.attribute_names.write(), LAST_WRITE_SECONDS)

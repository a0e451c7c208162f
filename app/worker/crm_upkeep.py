"""What becomes due about CRMs: leads of deactivated users, deleted records, and what never came."""

import time

from app.directory import bulk_moves
from app.directory.editing import EDIT_LIMITS, edit_directory
from app.dispatch.dispatcher import Dispatcher
from app.dispatch.jobs.close_deleted import CloseDeleted
from app.engine.life.crm import CrmChange
from app.store.connection.pool import Pool, transaction
from app.store.crm import upkeep, users
from app.store.leads.open_leads import AssignmentFilter
from app.store.life.agenda import Agenda
from app.worker.every import Every
from app.worker.watch import clocks_agree

ACTOR = "worker"
EVERY_SECONDS = 30.0
SLICE = 100


class CrmUpkeep:
    """Looks now and then, for most of it can wait."""

    def __init__(self, pool: Pool, dispatch: Dispatcher, *, every: float = EVERY_SECONDS) -> None:
        self._pool = pool
        self._dispatch = dispatch
        self._every = Every(every)

    def is_due(self, agenda: Agenda) -> bool:
        """Whether it is time to look."""
        return self._every.is_time(agenda.workspace_id, time.monotonic())

    async def run(self, agenda: Agenda) -> bool:
        """Do one slice of what is due. Returns whether there may be more."""
        workspace_id = agenda.workspace_id
        self._every.done(workspace_id, time.monotonic())
        async with transaction(self._pool, workspace_id, read_only=True) as connection:
            if not await upkeep.is_used(connection, workspace_id):
                return False
            leavers = await users.find_settled(connection, workspace_id)
            gone = await upkeep.find_gone(connection, workspace_id, SLICE)
        for leaver in leavers:
            await self._move(workspace_id, leaver)
        if gone:
            changes = [CrmChange(ACTOR, key.system, key, "deleted", "lead") for key in gone]
            await self._dispatch.ask_all(workspace_id, [CloseDeleted(change=each) for each in changes])
        agreed = await clocks_agree(self._pool)
        async with transaction(self._pool, workspace_id, lock=True, limits=EDIT_LIMITS) as connection:
            await upkeep.note_unread(connection, workspace_id)
            more = await upkeep.check_writes(connection, workspace_id, SLICE)
            if agreed:
                await upkeep.purge(connection, workspace_id)
        if more or len(gone) == SLICE:
            self._every.again(workspace_id)
            return True
        return False

    async def _move(self, workspace_id: int, leaver: users.CrmUser) -> None:
        """The open leads of a deactivated user move by policy, if nobody has handed them over."""
        async with edit_directory(self._pool, workspace_id, ACTOR) as edit:
            known = await users.find_user(edit.connection, workspace_id, leaver.system, leaver.id)
            owner = edit.snapshot.directory.owners.get(leaver.owner_id)
            if known is None or known.leaves_since is None:
                return
            if owner is not None and not owner.active:
                wanted = AssignmentFilter(owner=owner.id)
                await bulk_moves.create(edit, "deactivate", wanted, {"owner": owner.id})
            await users.end_leaving(edit.connection, workspace_id, known)

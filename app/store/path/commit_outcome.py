"""Whether a COMMIT without a reply took effect."""

import asyncio
import time

from app.errors import OutcomeUnknown, WorkspaceDeleted
from app.store.connection.pool import Limits, Pool, transaction
from app.store.path import journal
from app.store.path.journal import JournalEntry

RETRY_SECONDS = 0.05


async def was_committed(
    pool: Pool, workspace_id: int, entry: JournalEntry, limits: Limits, until: float
) -> bool:
    """Return whether the commit group that wrote this journal entry was committed.

    While the workspace lock is held, the old transaction is over, either way; the token of the entry tells
    which. Raises OutcomeUnknown when the lock cannot be had until this moment of the monotonic
    clock, and WorkspaceDeleted.
    """
    while True:
        try:
            async with transaction(pool, workspace_id, lock=True, limits=limits) as connection:
                return await journal.has_token(connection, workspace_id, entry.number, entry.token)
        except WorkspaceDeleted:
            raise
        except Exception as error:
            # Whatever the error is: running the group again before the truth is known could double it.
            if time.monotonic() + RETRY_SECONDS > until:
                raise OutcomeUnknown() from error
            await asyncio.sleep(RETRY_SECONDS)

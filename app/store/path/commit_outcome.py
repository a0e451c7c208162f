"""What became of a COMMIT that got no reply."""

import asyncio
import time

from app.errors import OutcomeUnknown
from app.store.connection.pool import Limits, Pool, transaction
from app.store.path import journal
from app.store.path.journal import JournalEntry

RETRY_SECONDS = 0.05


async def was_committed(
    pool: Pool, workspace_id: int, entry: JournalEntry, limits: Limits, until: float
) -> bool:
    """Whether the pass that wrote this row of the journal was committed.

    Behind the gate the old transaction is over, whichever way; the row's token tells which. Raises
    OutcomeUnknown when that cannot be found out until this moment of the monotonic clock.
    """
    while True:
        try:
            async with transaction(pool, workspace_id, gate=True, limits=limits) as connection:
                return await journal.has_token(connection, workspace_id, entry.number, entry.token)
        except Exception as error:
            # Whatever it is, to do it again before the truth is known would double what was done.
            if time.monotonic() + RETRY_SECONDS > until:
                raise OutcomeUnknown() from error
            await asyncio.sleep(RETRY_SECONDS)

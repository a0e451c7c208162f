"""What time does to the outbox: actions become available, their last lease ends, and they expire."""

from datetime import timedelta

from app.outbox.settings import now_of
from app.store.connection.pool import Pool, transaction
from app.store.life import deliveries, outbox

SLICE = 500
"""Actions changed in one transaction."""
EXPIRES_AFTER = timedelta(days=14)
"""An action that nobody has acknowledged so long after its decision expires."""


async def make_available(pool: Pool, workspace_id: int) -> bool:
    """Number one slice of the actions whose time has come. Returns whether there may be more.

    Only a look without the lock is made while there is none.
    """
    async with transaction(pool, workspace_id, read_only=True) as connection:
        if not await outbox.any_due(connection, workspace_id):
            return False
    async with transaction(pool, workspace_id, lock=True) as connection:
        return await outbox.number_due_actions(connection, workspace_id, SLICE) == SLICE


async def clear(pool: Pool, workspace_id: int) -> bool:
    """Mark one slice of actions dead or expired. Returns whether there may be more."""
    async with transaction(pool, workspace_id) as connection:
        at = await now_of(connection, workspace_id)
        dead = await deliveries.bury_lapsed(connection, workspace_id, at, SLICE)
        before = at.now - EXPIRES_AFTER
        expired = await deliveries.expire(connection, workspace_id, at, before, SLICE)
    return max(dead, expired) >= SLICE

"""The log: every action that is available or was, in the order of their numbers."""

from app.store.connection.pool import Pool, transaction
from app.store.life import deliveries
from app.store.life.deliveries import StoredAction


async def page(
    pool: Pool, workspace_id: int, after: int, limit: int, state: str | None
) -> list[StoredAction]:
    """The actions after a number, in order; of all, or of those that are dead or expired."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        return await deliveries.list_actions(connection, workspace_id, after, limit, state)

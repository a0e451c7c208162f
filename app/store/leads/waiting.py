"""What waits in queues: how much, since when, and in which order."""

from app.engine.life.queues import RANK_UNITS
from app.store.connection.pool import Connection

# The same figure as `app.engine.life.queues.queue_rank`, to the last bit: whole numbers, rounded once.
UPDATE_RANKS = f"""
UPDATE assignments
   SET queue_rank = (priority::numeric * {RANK_UNITS}
                     - $3::numeric * trunc(extract(epoch FROM queue_since) * 1000000))::double precision
                    / {RANK_UNITS}::double precision
 WHERE workspace_id = $1 AND open AND queue = $2
"""
"""The order of a queue whose aging changed."""


async def update_ranks(connection: Connection, workspace_id: int, queue: str, aging: int) -> None:
    """Compute again the ranks of the leads that wait in a queue, with this aging."""
    await connection.execute(UPDATE_RANKS, workspace_id, queue, aging)

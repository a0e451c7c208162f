"""How a workspace stands at this moment, read without its gate."""

from dataclasses import dataclass

from app.engine.model.state import Facts
from app.store.connection.pool import Connection, Pool, transaction
from app.store.path.journal import Entry
from app.store.path.snapshot import from_the_start


@dataclass(frozen=True, slots=True)
class Present:
    """What a decision made now would see, and the newest pass."""

    facts: Facts
    entry: Entry


async def present_at(connection: Connection, workspace_id: int) -> Present:
    """What this transaction sees."""
    found, remembered = await from_the_start(connection, workspace_id)
    now = max(found.time, remembered.entry.at)
    return Present(Facts(now, remembered.directory, remembered.state), remembered.entry)


async def present(pool: Pool, workspace_id: int) -> Present:
    """What was committed last; directory, state and time of one moment."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        return await present_at(connection, workspace_id)

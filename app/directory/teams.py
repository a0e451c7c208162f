"""Teams: the balances of their members, their ledgers, and edits of one member."""

from collections.abc import Callable, Mapping
from typing import Any

from app.errors import NotFound
from app.store.connection.pool import Pool, transaction
from app.store.directory import records
from app.store.path import ledger as stored_ledger
from app.store.path.ledger import StoredLedgerEntry

Member = dict[str, Any]


async def ledger(pool: Pool, workspace_id: int, id_: str, after: int, limit: int) -> list[StoredLedgerEntry]:
    """The ledger entries of a team, in order. A deleted team keeps its ledger.

    Raises NotFound for a team that never existed.
    """
    async with transaction(pool, workspace_id, read_only=True) as connection:
        entries = await stored_ledger.list_ledger_entries(connection, workspace_id, id_, after, limit)
        if not entries and await records.find_record(connection, workspace_id, "teams", id_) is None:
            raise NotFound()
    return entries


def with_member(
    team: Mapping[str, Any] | None, owner: str, change: Callable[[Member | None], Member | None]
) -> dict[str, Any]:
    """The body of a team with one member changed in place, added at the end, or removed (None).

    Raises NotFound for an unknown team.
    """
    if team is None:
        raise NotFound()
    members: list[Member] = list(team["members"])
    at = next((at for at, member in enumerate(members) if member["owner"] == owner), len(members))
    changed = change(members[at] if at < len(members) else None)
    members[at : at + 1] = [changed] if changed is not None else []
    return {**team, "members": members}

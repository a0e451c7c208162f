"""What campaigns cost: what was uploaded, and which campaigns no lead names."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from app.reports.documents import name_of
from app.reports.upkeep import CATCH_UP_SECONDS, FactUpkeep
from app.store.connection.pool import Pool, transaction
from app.store.reports import spend
from app.store.reports.spend import SpendRow


@dataclass(frozen=True, slots=True)
class SpendWritten:
    """What an upload did. `without_leads` are campaigns that no lead names so far."""

    rows: int
    replaced: int
    without_leads: list[str]


async def put_spend(pool: Pool, workspace_id: int, actor: str, rows: Sequence[SpendRow]) -> SpendWritten:
    """Write rows. One of the same campaign, day and currency replaces the earlier one."""
    names = {row.campaign: name_of(row.campaign) or "" for row in rows}
    await FactUpkeep(pool).catch_up(workspace_id, CATCH_UP_SECONDS)
    async with transaction(pool, workspace_id) as connection:
        replaced = await spend.upsert_spend(connection, workspace_id, actor, rows, names)
        unknown = await spend.campaigns_without_leads(connection, workspace_id, sorted(set(names.values())))
    without = sorted(campaign for campaign, name in names.items() if name in unknown)
    return SpendWritten(len(rows), replaced, without)


async def list_spend(
    pool: Pool, workspace_id: int, start: date, end: date, after: tuple[date, str, str], limit: int
) -> list[SpendRow]:
    """The rows of a period in the order of days, after this one. `end` is not part of it."""
    async with transaction(pool, workspace_id, read_only=True) as connection:
        return await spend.list_spend(connection, workspace_id, start, end, after, limit)


async def delete_spend(pool: Pool, workspace_id: int, campaign: str, start: date, end: date) -> int:
    """Delete what a campaign cost in a period, and return the number of rows. `end` is not part of it."""
    async with transaction(pool, workspace_id) as connection:
        return await spend.delete_spend(connection, workspace_id, campaign, start, end)

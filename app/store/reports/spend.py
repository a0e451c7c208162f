"""What campaigns cost, by day and currency, as it was uploaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import orjson

from app.store.clocks import DECIDING_NOW
from app.store.connection.pool import Connection


@dataclass(frozen=True, slots=True)
class SpendRow:
    """What a campaign cost on a day of the workspace's time zone, in one currency."""

    campaign: str
    day: date
    currency: str
    amount: Decimal


UPSERT_SPEND = f"""
WITH sent AS (
  SELECT campaign, fact_campaign, day, currency, amount::numeric AS amount
    FROM json_to_recordset($2)
      AS row (campaign text, fact_campaign text, day date, currency text, amount text)
), before AS (
  SELECT count(*) AS rows FROM sent
   CROSS JOIN LATERAL (
     SELECT FROM spend WHERE workspace_id = $1 AND spend.campaign = sent.campaign AND spend.day = sent.day
        AND spend.currency = sent.currency LIMIT 1) AS found
), written AS (
  INSERT INTO spend (workspace_id, campaign, fact_campaign, day, currency, amount, updated_at, updated_by)
  SELECT $1, campaign, fact_campaign, day, currency, amount, {DECIDING_NOW}, $3 FROM sent
      ON CONFLICT (workspace_id, campaign, day, currency)
      DO UPDATE SET amount = excluded.amount, fact_campaign = excluded.fact_campaign,
                    updated_at = CASE WHEN spend.amount = excluded.amount THEN spend.updated_at
                                      ELSE excluded.updated_at END,
                    updated_by = excluded.updated_by
)
SELECT rows FROM before
"""
"""Write rows; how many of them replace an earlier one."""

SELECT_SPEND = """
SELECT campaign, day, currency, amount FROM spend
 WHERE workspace_id = $1 AND day >= $2 AND day < $3
   AND (day, campaign, currency) > ($4::date, $5, $6)
 ORDER BY day, campaign, currency LIMIT $7
"""
"""A page of rows, by day."""

SELECT_CAMPAIGNS_WITHOUT_LEADS = """
SELECT campaign FROM unnest($2::text[]) AS wanted (campaign)
 WHERE NOT EXISTS (
   SELECT FROM lead_facts WHERE workspace_id = $1 AND lead_facts.campaign = wanted.campaign)
"""
"""Those of these campaigns that no lead has."""

DELETE_SPEND = """
DELETE FROM spend WHERE workspace_id = $1 AND campaign = $2 AND day >= $3 AND day < $4
"""
"""What a campaign cost in a period."""


async def upsert_spend(
    connection: Connection, workspace_id: int, actor: str, rows: Sequence[SpendRow], names: Mapping[str, str]
) -> int:
    """Write rows of different campaigns, days or currencies. Returns how many replace an earlier one.

    `names` are the campaigns as facts name them.
    """
    sent = [
        {
            "campaign": row.campaign,
            "fact_campaign": names[row.campaign],
            "day": row.day,
            "currency": row.currency,
            "amount": str(row.amount),
        }
        for row in rows
    ]
    return int(await connection.fetchval(UPSERT_SPEND, workspace_id, orjson.dumps(sent).decode(), actor))


async def list_spend(
    connection: Connection,
    workspace_id: int,
    start: date,
    end: date,
    after: tuple[date, str, str],
    limit: int,
) -> list[SpendRow]:
    """Return rows of the days from `start` until before `end`, by day, after this one."""
    rows: list[Any] = await connection.fetch(SELECT_SPEND, workspace_id, start, end, *after, limit)
    return [SpendRow(**row) for row in rows]


async def delete_spend(
    connection: Connection, workspace_id: int, campaign: str, start: date, end: date
) -> int:
    """Delete what a campaign cost from `start` until before `end`. Returns the number of rows."""
    status = await connection.execute(DELETE_SPEND, workspace_id, campaign, start, end)
    return int(status.split()[-1])


async def campaigns_without_leads(
    connection: Connection, workspace_id: int, campaigns: Sequence[str]
) -> set[str]:
    """Return those of the campaigns, as facts name them, that no lead has."""
    rows = await connection.fetch(SELECT_CAMPAIGNS_WITHOUT_LEADS, workspace_id, campaigns)
    return {row["campaign"] for row in rows}

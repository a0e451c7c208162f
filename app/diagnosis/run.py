"""Make a diagnosis: bring the facts up to date, read them, and answer."""

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from app import places
from app.diagnosis.answer import answer
from app.diagnosis.material import Asked, Material
from app.diagnosis.own import own_numbers
from app.diagnosis.read import read_material
from app.plan_check.parse import Strategies
from app.reports.periods import Period, period_of
from app.reports.upkeep import CATCH_UP_SECONDS, FactUpkeep
from app.store import workspaces
from app.store.connection.pool import Pool
from app.store.reports.fact_cursor import FactCursor
from app.store.reports.reading import report_connection


@dataclass(frozen=True, slots=True)
class Question:
    """What a caller asks. Without days it is about the usual ones of reports.

    `owners` says whether the caller may see owners compared. With `owner_id` they see only their own numbers.
    """

    first: date | None
    last: date | None
    outcome: str
    within: timedelta
    owners: Literal["on", "forbidden"] = "on"
    owner_id: str | None = None


async def diagnose(
    pool: Pool, workspace_id: int, strategies: Strategies, upkeep: FactUpkeep, question: Question
) -> dict[str, Any]:
    """The diagnosis of a period, as answered.

    Raises Overloaded when too many others of the workspace wait.
    """
    async with places.REPORTS.take(workspace_id):
        return await _diagnose(pool, workspace_id, strategies, upkeep, question)


async def _diagnose(
    pool: Pool, workspace_id: int, strategies: Strategies, upkeep: FactUpkeep, question: Question
) -> dict[str, Any]:
    cursor = await upkeep.catch_up(workspace_id, CATCH_UP_SECONDS)
    async with report_connection(pool, workspace_id) as connection:
        zone = await workspaces.find_time_zone(connection, workspace_id)
    period = period_of(question.first, question.last, cursor.now, zone)
    asked = Asked(period.first, period.last, question.outcome, question.within, question.owners)
    material = await read_material(pool, workspace_id, strategies, asked, ZoneInfo(zone))
    head = _head(period, cursor, material)
    if question.owner_id is not None:
        return {**head, **_only_own(material, question.owner_id)}
    # It has a place already.
    found = await asyncio.to_thread(answer, material)  # noqa: TID251
    return {**head, **found, "own": None}


def _head(period: Period, cursor: FactCursor, material: Material) -> dict[str, Any]:
    return {
        "report": "health",
        "as_of": {"decision_number": cursor.decision_number, "at": material.now},
        "complete": not cursor.is_behind,
        "period": {
            "from": period.first.isoformat(),
            "to": period.last.isoformat(),
            "time_zone": period.zone,
            "from_utc": period.start,
            "to_utc": period.end,
        },
        "outcome": material.asked.outcome,
        "within_seconds": int(material.asked.within.total_seconds()),
    }


def _only_own(material: Material, owner_id: str) -> dict[str, Any]:
    return {
        "correction": None,
        "findings": [],
        "checks": [],
        "tests": [],
        "figures": None,
        "own": own_numbers(material, owner_id) if material.asked.owners == "on" else [],
    }

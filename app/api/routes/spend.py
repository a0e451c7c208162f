"""`/spend`: what campaigns cost by day, for the cost of a lead."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query

from app.api.http.auth import requires
from app.api.http.json_response import Json, page_of
from app.api.http.parameters import CallerParameter, Limit, PoolParameter
from app.api.http.routing import StrictRoute
from app.contract.responses import Page
from app.contract.spend import LIMITS, Spend, SpendRemoval, SpendResult, SpendUpload
from app.contract.types import Day
from app.errors import refused_at
from app.reports import spend
from app.store.reports.spend import SpendRow

router = APIRouter(route_class=StrictRoute, tags=["reports"])
From = Annotated[Day, Query(alias="from", description="The first day.")]
To = Annotated[Day, Query(description="The day after the last.")]
After = Annotated[str, Query(max_length=300, description="`next` of the previous page.")]
_FIRST, _LAST = date(1900, 1, 1), date(2200, 12, 31)


@router.put("/spend")
@requires("ops", body=LIMITS)
async def upsert_spend(caller: CallerParameter, pool: PoolParameter, body: SpendUpload) -> Json[SpendResult]:
    """Uploads what campaigns cost by day. A row replaces that of the same campaign, day and currency."""
    rows = [SpendRow(row.campaign, row.day, row.currency, row.amount) for row in body.rows]
    written = await spend.put_spend(pool, caller.workspace_id, caller.key_id, rows)
    return Json(
        {
            "rows": written.rows,
            "created": written.rows - written.replaced,
            "replaced": written.replaced,
            "campaigns_without_leads": written.without_leads,
        }
    )


@router.get("/spend")
@requires("ops")
async def list_spend(
    caller: CallerParameter,
    pool: PoolParameter,
    start: From = _FIRST,
    to: To = _LAST,
    after: After = "",
    limit: Limit = 100,
) -> Json[Page[Spend]]:
    """Lists what campaigns cost, by day."""
    found = await spend.list_spend(pool, caller.workspace_id, start, to, _position(after), limit + 1)
    return await page_of(found, limit, _to_json, lambda row: f"{row.day}{row.currency}{row.campaign}")


@router.delete("/spend")
@requires("ops")
async def delete_spend(
    caller: CallerParameter,
    pool: PoolParameter,
    campaign: Annotated[str, Query(min_length=1, max_length=255)],
    start: From,
    to: To,
) -> Json[SpendRemoval]:
    """Deletes what a campaign cost on these days."""
    return Json({"deleted": await spend.delete_spend(pool, caller.workspace_id, campaign, start, to)})


def _position(after: str) -> tuple[date, str, str]:
    if not after:
        return _FIRST, "", ""
    try:
        return date.fromisoformat(after[:10]), after[13:], after[10:13]
    except ValueError:
        detail = "must be `next` of the previous page"
        raise refused_at(("after",), "invalid_format", detail, "query") from None


def _to_json(row: SpendRow) -> Mapping[str, Any]:
    return {
        "campaign": row.campaign,
        "day": row.day,
        "currency": row.currency,
        "amount": float(row.amount),
    }
